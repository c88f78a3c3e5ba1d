# SPDX-License-Identifier: LGPL-2.1-or-later
"""botocore_kms.py AT DIRECTORY ID CA: Amazon's client for Python against the stand-in, which checks signatures."""
import json
import sys

import botocore.exceptions
import botocore.session

at, directory, key_id, ca = sys.argv[1:]
with open(directory + "/state.json", encoding="utf-8") as file:
    state = json.load(file)


def describe(user, secret, session):
    client = botocore.session.Session().create_client(
        "kms", region_name=state["region"], endpoint_url="https://" + at, verify=ca,
        aws_access_key_id=user, aws_secret_access_key=secret, aws_session_token=session,
    )
    try:
        return client.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


role = state["users"]["ASIAROLE"]
cases = [
    ("AKIAUSER", state["users"]["AKIAUSER"]["secret"], None, "Enabled"),
    ("ASIAROLE", role["secret"], role["session"], "Enabled"),
    ("AKIAUSER", "another", None, "InvalidSignatureException"),
    ("ASIAROLE", role["secret"], None, "UnrecognizedClientException"),
]
failed = 0
for *who, want in cases:
    got = describe(*who)
    print(who[0], got)
    failed |= got != want
sys.exit(failed)
