"""An electrocardiogram: channels with numbers, annotations with names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import GeneralECGWaveformStorage

from tests.builders.planted.parts import code, item
from tests.builders.planted.people import new_object

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens

_SAMPLES = 200


def add_ecg(ledger: Ledger, visit: Visit) -> None:
    """Write a General ECG (PS3.3 A.34.4) of two channels."""
    tokens = ledger.tokens
    made = new_object(tokens, visit, GeneralECGWaveformStorage, "ecg", modality="ECG")
    made.update(
        item(
            AcquisitionDateTime=tokens.moment(),
            AcquisitionContextSequence=[],
            WaveformSequence=[_group(tokens)],
            WaveformAnnotationSequence=[
                item(
                    UnformattedTextValue=tokens.phrase("free text", "irregular, see"),
                    ReferencedWaveformChannels=[1, 1],
                    AnnotationGroupNumber=1,
                )
            ],
        )
    )
    ledger.add(f"{visit.label}/ecg.dcm", made)


def _group(tokens: Tokens) -> Dataset:
    """Return a multiplex group of 200 samples at 500 Hz (PS3.3 C.10.9)."""
    time = np.arange(_SAMPLES) / 500
    samples = np.stack([1000 * np.sin(20 * time), 500 * np.cos(30 * time)], axis=1).astype("<i2")
    made = item(
        WaveformOriginality="ORIGINAL",
        NumberOfWaveformChannels=2,
        NumberOfWaveformSamples=_SAMPLES,
        SamplingFrequency="500",
        MultiplexGroupLabel=tokens.word("text"),
        ChannelDefinitionSequence=[
            _channel(tokens, "2:1", "Lead I"),
            _channel(tokens, "2:2", "Lead II"),
        ],
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
        MultiplexGroupUID=tokens.fresh_uid(),
    )
    made.WaveformData = samples.tobytes()
    made["WaveformData"].VR = "OW"
    return made


def _channel(tokens: Tokens, value: str, lead: str) -> Dataset:
    return item(
        ChannelLabel=tokens.word("text"),
        ChannelSourceSequence=[code(value, "MDC", lead)],
        ChannelSensitivity="2.5",
        ChannelSensitivityUnitsSequence=[code("uV", "UCUM", "microvolt")],
        ChannelSensitivityCorrectionFactor="1",
        ChannelBaseline="0",
        ChannelSampleSkew="0",
        WaveformBitsStored=16,
    )
