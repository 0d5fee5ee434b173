"""What an evaluation found, as a page to look at and as JSON: report.html, report.json, confusion.png, answers.csv."""

from ml.report.answers import Answers
from ml.report.gather import each, goals, values
from ml.report.page import Evaluation, ReportError, key, write, write_comparison

__all__ = ["Answers", "Evaluation", "ReportError", "each", "goals", "key", "values", "write", "write_comparison"]
