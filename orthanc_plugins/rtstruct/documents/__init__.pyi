from .contour_file import write_contours as write_contours
from .display_mesh import DisplayMesh as DisplayMesh
from .display_mesh import display_mesh as display_mesh
from .display_mesh import most_triangles as most_triangles
from .report import write_report as write_report
from .scene import write_scene as write_scene
from .writing import Documents as Documents
from .writing import write_documents as write_documents
