"""Measuring the product's search, feed and matching on files of judged answers."""
