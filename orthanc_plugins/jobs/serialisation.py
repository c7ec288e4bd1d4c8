"""How arguments, results and errors of jobs are stored: portable JSON, never pickled objects.

DBOS's default serialiser pickles, and logs the whole object when it cannot; portable JSON refuses
what is not plain data.
"""

from dbos import DBOSPortableJSONSerializer

SERIALISER = DBOSPortableJSONSerializer()
"""The serialiser of every client and worker; both must use the same."""
