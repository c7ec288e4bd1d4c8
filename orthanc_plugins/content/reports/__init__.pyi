from .page import report_html as report_html
from .paper import report_pdf as report_pdf
from .records import Report as Report
from .records import Summary as Summary
from .tables import CsvStream as CsvStream
from .tables import JsonStream as JsonStream
from .tables import report_csv as report_csv
from .tables import report_json as report_json
