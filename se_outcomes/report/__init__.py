"""The report: contents, disclosure control, release and rendering."""
