"""What stands in DCM4CHEE's place: a shim in front of a second real Orthanc.

``python -m dcm4chee.standin CONFIG.json`` listens under ``/dcm4chee-arc/``. Orthanc stores what is sent; the
shim answers as dcm4chee-arc 5.35 does where Orthanc's DICOMweb differs.

Public: `Configuration` (`configuration`), `create_app` (`application`).

Decisions
---------
2026-11-29  Files stay in Orthanc as they were received. Which attributes of patient, study and series the
            archive holds is kept in an index beside it, and merged into what is retrieved: so does dcm4chee.
2026-11-29  The index (SQLite) is also what queries are answered from: order of insertion, receive times,
            rejections and counts are not Orthanc's to tell. It follows Orthanc's ``/changes``, so what came
            by C-STORE or was put into Orthanc behind the shim's back is there too.
"""
