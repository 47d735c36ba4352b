"""Terrace's lab: a test bed in which every inventory can be tried without an AWS account."""
