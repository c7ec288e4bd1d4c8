from .mesh_files import MESH_UNIT as MESH_UNIT
from .mesh_files import mesh_bytes as mesh_bytes
from .mesh_files import stl_bytes as stl_bytes
from .meshes import Mesh as Mesh
from .meshes import mesh as mesh
