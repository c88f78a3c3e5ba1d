# SPDX-License-Identifier: LGPL-2.1-or-later
"""kmip_admin.py DIRECTORY PORT create|activate|revoke|destroy|get [UID]: what the owner of a key does.

DIRECTORY holds ca.pem, cert.pem and key.pem. create prints the UID of a new AES-256 key.
"""
import sys

from kmip.core import enums
from kmip.pie.client import ProxyKmipClient

directory, port, action = sys.argv[1:4]
uid = sys.argv[4] if len(sys.argv) > 4 else None
with ProxyKmipClient(
    hostname="127.0.0.1",
    port=int(port),
    cert=directory + "/cert.pem",
    key=directory + "/key.pem",
    ca=directory + "/ca.pem",
    ssl_version="PROTOCOL_TLSv1_2",
    kmip_version=enums.KMIPVersion.KMIP_1_4,
) as client:
    if action == "create":
        mask = [enums.CryptographicUsageMask.ENCRYPT, enums.CryptographicUsageMask.DECRYPT]
        length = int(uid) if uid else 256
        print(
            client.create(
                enums.CryptographicAlgorithm.AES, length, cryptographic_usage_mask=mask
            )
        )
    elif action == "activate":
        client.activate(uid)
    elif action == "revoke":
        client.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, uid)
    elif action == "compromise":
        client.revoke(enums.RevocationReasonCode.KEY_COMPROMISE, uid)
    elif action == "destroy":
        client.destroy(uid)
