"""What is well and what is not, each line with the next command to type. It changes nothing and needs no gateway."""

from comatrix.gateway.admin.doctor.examination import ALL_LINES as LINES
from comatrix.gateway.admin.doctor.examination import CHECKS, Report, examine
from comatrix.gateway.admin.doctor.surroundings import Surroundings

__all__ = ["CHECKS", "LINES", "Report", "Surroundings", "examine"]
