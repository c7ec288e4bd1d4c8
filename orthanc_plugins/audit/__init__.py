"""The audit trail: who did what to which study, and that nobody has changed the record since (PS3.15 A.5).

What it is for: to write down what leaves and who asked for it, before it happens, in words that hold no
patient's value; and to hand that on in the forms that others read. It knows no networks, and no keys but the
one handed in.

Public: ``events`` (`export`, `instances_transferred`, `instances_accessed`, `patient_record`,
`security_alert`, `audit_log_used`, of `Occasion`) with ``parties`` and ``codes``; ``trail`` (`AuditTrail`),
``query`` (`TrailQuery`), ``chain``; ``place`` (`TrailPlace`), ``inspection`` (`inspect`) and ``renewal``
(`begin_anew`) of one that may be broken; ``forms`` (`written`) of ``json_form``, ``fhir``, ``dicom_xml``,
``syslog``.

Decisions
---------
2026-11-30  Studies are named by keyed UIDs and patients by pseudonyms, and texts are single words: an
            original has no place to stand. What went wrong is counted by kind.
2026-11-30  A line that a crash tore was never answered for: it is removed, and that is recorded. Any other
            end than the head tells stops the trail, and with it whatever must be recorded.
2026-11-30  A broken trail is never mended: it is kept aside as it was found, and another begins that says so.
2026-11-30  Sealed by HMAC, not signed: who checks the trail is who keeps it. Others have the messages of
            syslog, sent as they come.
"""
