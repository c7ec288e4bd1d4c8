"""The worker process: brings the databases up to date, runs the durable workflows, keeps watch.

``python -m orthanc_plugins.worker`` runs it (``__main__``): ``starting`` makes folders, databases and the
durable engine ready, ``watch`` does what is done beside jobs, most of which ``duties`` names.
"""
