"""From a run's evidence to the live view, report.json and report.html."""
