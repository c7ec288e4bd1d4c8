"""What goes wrong between the client of DCM4CHEE and what stands in its place; a proxy does it on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import StoreState, StudyQuery, Transport
from orthanc_plugins.archives.resilience import Clocks
from orthanc_plugins.errors import ArchiveUnavailable
from tests.contract.dcm4chee_studies import Study, client, listed, states, stored
from tests.contract.waiting import eventually
from tests.fakes.faulty_archive import Fault, faulty_proxy, faulty_wire
from tests.standin import running_standin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standin import StandIn


def test_a_retrieval_that_is_cut_off_goes_on_and_gives_each_file_once(standin: StandIn) -> None:
    study = Study(30)
    stored(client(standin, standin.url), study)
    cuts = [Fault(path=rf"/studies/{study.uid}$", drop_answer_after=9_000, times=1)]
    cuts += [Fault(path=r"/series/[^/]+$", drop_answer_after=2_500, times=2)]
    with faulty_proxy(standin.url, *cuts) as proxy:
        archive = client(standin, proxy.url)
        got = [file.sop_instance_uid for file in archive.retrieve(study.uid)]
        assert all(fault.happened for fault in cuts)
    assert sorted(got) == study.uids


def test_a_retrieval_that_cannot_be_finished_says_how_much_is_missing(standin: StandIn) -> None:
    study = Study(10)
    stored(client(standin, standin.url), study)
    with faulty_proxy(
        standin.url, Fault(path=r"/(studies|series|instances)/[0-9.]+$", drop_answer_after=700)
    ) as proxy:
        got: list[str] = []
        with pytest.raises(ArchiveUnavailable, match=rf"DCM4CHEE gave \d+ of 10 files of study {study.uid}"):
            got.extend(file.sop_instance_uid for file in client(standin, proxy.url).retrieve(study.uid))
    assert len(got) == len(set(got)) < 10


def test_an_answer_to_a_store_that_is_lost_is_made_up_for_by_asking(standin: StandIn) -> None:
    study = Study()
    lost = Fault(method="POST", path=r"/studies$", lose_answer=True, times=1)
    with faulty_proxy(standin.url, lost) as proxy:
        archive = client(standin, proxy.url)
        outcomes = stored(archive, study)
        assert [line.split()[0] for line in proxy.requests].count("POST") == 1
    assert states(outcomes) == {"stored"}
    assert "lists it" in outcomes[0].detail
    assert listed(client(standin, standin.url), study) == study.uids


@pytest.mark.parametrize("after", [0, 1000])
def test_a_store_whose_request_is_cut_off_is_sent_again(standin: StandIn, after: int) -> None:
    study = Study()
    cut = Fault(method="POST", path=r"/studies$", drop_request_after=after, times=1)
    with faulty_proxy(standin.url, cut) as proxy:
        assert states(stored(client(standin, proxy.url), study)) == {"stored"}
        assert cut.happened == 1
    assert listed(client(standin, standin.url), study) == study.uids


def test_an_archive_that_says_stored_and_does_not_is_found_out_by_asking(standin: StandIn) -> None:
    study = Study()
    with faulty_proxy(standin.url, Fault(method="POST", path=r"/studies$", pretend_stored=True)) as proxy:
        archive = client(standin, proxy.url)
        assert states(stored(archive, study)) == {"stored"}
        assert archive.instances(study.uid) == []
        outcome = archive.replace(study.files[0])
    assert outcome.state is StoreState.FAILED
    assert "holds none" in outcome.detail


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(method="POST", refuse_stored=0xA700), "A700: the archive is out of resources"),
        (Fault(method="POST", status=507), "HTTP 507"),
    ],
)
def test_a_full_disk_is_a_failure_that_may_pass(standin: StandIn, fault: Fault, says: str) -> None:
    study = Study()
    with faulty_proxy(standin.url, fault) as proxy:
        outcomes = stored(client(standin, proxy.url), study)
    assert states(outcomes) == {"failed"}
    assert says in outcomes[0].detail
    assert states(stored(client(standin, standin.url), study)) == {"stored"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_waited_for(standin: StandIn, status: int) -> None:
    study = Study()
    waits: list[float] = []
    with faulty_proxy(standin.url, Fault(status=status, times=2, headers={"Retry-After": "3"})) as proxy:
        archive = client(standin, proxy.url, clocks=Clocks(sleep=waits.append))
        assert list(archive.studies(StudyQuery(study_uids=(study.uid,)))) == []
    assert waits == [3.0, 3.0]


def test_counts_that_lie_lose_nothing(standin: StandIn) -> None:
    studies = [Study(1) for _ in range(3)]
    for study in studies:
        stored(client(standin, standin.url), study)
    for lie in (0, 10**9):
        with faulty_proxy(standin.url, Fault(path="/count$", count=lie)) as proxy:
            found = {entry.study_uid for entry in client(standin, proxy.url).studies()}
        assert found >= {study.uid for study in studies}


def test_a_slow_archive_is_given_up_and_not_sent_twice(standin: StandIn) -> None:
    study = Study()
    with faulty_proxy(standin.url, Fault(method="POST", delay_s=60, times=1)) as proxy:
        outcomes = stored(client(standin, proxy.url, timeout_s=0.5), study)
        assert [line.split()[0] for line in proxy.requests].count("POST") == 1
    assert states(outcomes) == {"failed"}
    assert "ReadTimeout" in outcomes[0].detail


def test_an_archive_that_is_down_is_left_alone_and_found_again(tmp_path: Path) -> None:
    study = Study()
    seconds = [0.0]
    with running_standin(tmp_path / "down") as standin:
        archive = client(standin, standin.url, clocks=Clocks(lambda: seconds[0], sleep=lambda _: None))
        standin.stop()
        with pytest.raises(ArchiveUnavailable, match="did not answer"):
            archive.counts()
        assert states(stored(archive, study)) == {"failed"}
        assert states(stored(archive, study, Transport.C_STORE)) == {"failed"}
        with pytest.raises(ArchiveUnavailable, match="has not answered since"):
            archive.probe()
        standin.start()
        seconds[0] += 31
        assert archive.probe().stand_in
        assert states(stored(archive, study)) == {"stored"}
        assert states(stored(archive, study, Transport.C_STORE)) == {"stored"}
        assert archive.counts().instances == 4


def test_a_c_store_that_is_cut_off_goes_on_and_stores_each_file_once(standin: StandIn) -> None:
    study = Study(6, pixel_bytes=300_000)
    with faulty_wire(standin.dicom_port) as wire:
        wire.cut_after = 1_000_000
        archive = client(standin, standin.url, dicom_port=wire.port)
        outcomes = stored(archive, study, Transport.C_STORE)
        assert wire.connections == 2
    assert states(outcomes) == {"stored"}
    eventually(lambda: listed(archive, study) == study.uids, "all are listed")
