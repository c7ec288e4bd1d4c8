from .instances import InstanceDigest as InstanceDigest
from .instances import compare_files as compare_files
from .instances import instance_digest as instance_digest
from .instances import same_content as same_content
from .study import Fetch as Fetch
from .study import StudyCopy as StudyCopy
from .study import compare_studies as compare_studies
