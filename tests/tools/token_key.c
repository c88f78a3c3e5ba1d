// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * token_key MODULE TOKEN PIN LABEL on|off|keep
 * What pkcs11-tool cannot set of the private key with this label: on and off are CKA_DECRYPT, by
 * which an owner withdraws a key and gives it back; keep makes that it never leaves the token.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <p11-kit/p11-kit.h>

static int failed(const char *call, CK_RV rv)
{
	fprintf(stderr, "token_key: %s: %s (0x%lx)\n", call, p11_kit_strerror(rv), rv);
	return 1;
}

static CK_RV find_slot(CK_FUNCTION_LIST *module, const char *label, CK_SLOT_ID *ret)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n = 16;
	CK_RV rv = module->C_GetSlotList(CK_TRUE, slots, &n);

	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		CK_TOKEN_INFO info;

		if (module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    memcmp(info.label, label, strlen(label)) != 0)
			continue;
		*ret = slots[i];
		return CKR_OK;
	}
	return rv ? rv : CKR_TOKEN_NOT_PRESENT;
}

static int set(CK_FUNCTION_LIST *module, char **argv)
{
	CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
	CK_BBOOL on = strcmp(argv[5], "on") == 0;
	bool keep = strcmp(argv[5], "keep") == 0;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &private, sizeof(private)},
				   {CKA_LABEL, argv[4], strlen(argv[4])}};
	CK_ATTRIBUTE change = {keep ? CKA_EXTRACTABLE : CKA_DECRYPT, &on, sizeof(on)};
	CK_BBOOL is = CK_TRUE;
	CK_ATTRIBUTE now = {CKA_EXTRACTABLE, &is, sizeof(is)};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_ULONG found = 0;
	CK_SLOT_ID slot;
	CK_RV rv = find_slot(module, argv[2], &slot);

	if (rv == CKR_OK)
		rv = module->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
					   &session);
	if (rv == CKR_OK)
		rv = module->C_Login(session, CKU_USER, (unsigned char *)argv[3], strlen(argv[3]));
	if (rv != CKR_OK)
		return failed("login", rv);
	rv = module->C_FindObjectsInit(session, template, 2);
	if (rv == CKR_OK)
		rv = module->C_FindObjects(session, &key, 1, &found);
	module->C_FindObjectsFinal(session);
	/* What cannot be undone cannot be done twice either. */
	if (rv == CKR_OK && found == 1 && keep &&
	    module->C_GetAttributeValue(session, key, &now, 1) == CKR_OK && !is)
		return 0;
	if (rv == CKR_OK && found == 1)
		rv = module->C_SetAttributeValue(session, key, &change, 1);
	return rv || found != 1 ? failed("set", rv) : 0;
}

int main(int argc, char **argv)
{
	CK_FUNCTION_LIST *module;
	CK_RV rv;
	int r;

	if (argc != 6)
		return 2;
	module = p11_kit_module_load(argv[1], 0);
	if (!module)
		return failed("load", CKR_GENERAL_ERROR);
	rv = p11_kit_module_initialize(module);
	if (rv != CKR_OK)
		return failed("C_Initialize", rv);
	r = set(module, argv);
	p11_kit_module_finalize(module);
	p11_kit_module_release(module);
	return r;
}
