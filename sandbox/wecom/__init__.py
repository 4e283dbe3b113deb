"""The WeCom side of the twin."""
