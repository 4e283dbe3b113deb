"""Judged questions about real data, made by stated rules at run time. See README.md."""
