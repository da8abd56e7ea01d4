"""Drives a running Samovar through boto3, and holds every raw answer against botocore's model of Lambda.

    cd tests/clients && python -B -m conformance SCENARIO ENDPOINT GUESTS

botocore's own parser passes over what it does not know and takes much that is mistyped, so each answer is checked as it comes
off the wire, before it is parsed: its status, its headers, and every member of its body. What follows then looks at values.
"""
