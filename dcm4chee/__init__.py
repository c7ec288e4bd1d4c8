"""DCM4CHEE beside the suite: what plays its part in the native run (`standin`), and what the real one needs.

No code of the suite is imported here, and the suite imports nothing of this: the two meet on the wire only.
"""
