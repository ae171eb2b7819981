"""The test suite. What tests share is imported from here: ``from tests.s3server import S3``."""
