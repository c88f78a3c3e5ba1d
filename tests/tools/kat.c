// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * kat - runs XTS known-answer files through the kernel's own cipher, over AF_ALG
 *
 * It reads NIST's CAVP layout (XTSGenAES*.rsp, both tweak formats). Each case is encrypted and
 * decrypted, whichever of the two its section asks for. Data units that are not whole bytes are
 * counted as left out: AF_ALG, like a disk, has no bits.
 *
 * Exit status 0 means that at least one case ran and none failed.
 */
#include <errno.h>
#include <getopt.h>
#include <kcapi.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TWEAK_BYTES    16
#define MAX_KEY_BYTES  64
#define MAX_UNIT_BYTES 4096

struct vector {
	uint32_t count; /* the COUNT of the file, to name the case */
	uint32_t unit_bits;
	uint8_t key[MAX_KEY_BYTES];
	uint32_t key_bytes;
	uint8_t tweak[TWEAK_BYTES];
	uint8_t plaintext[MAX_UNIT_BYTES];
	uint8_t ciphertext[MAX_UNIT_BYTES];
	bool have_plaintext, have_ciphertext;
};

struct tally {
	unsigned int cases, failed, left_out;
};

/* Returns the number of bytes, or -EINVAL when @hex is odd, too long or not hexadecimal. */
static int from_hex(uint8_t *to, size_t room, const char *hex)
{
	size_t digits = strspn(hex, "0123456789abcdefABCDEF");

	if (hex[digits] != '\0' || digits % 2 != 0 || digits / 2 > room)
		return -EINVAL;
	for (size_t i = 0; i < digits / 2; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		to[i] = strtoul(pair, NULL, 16);
	}
	return digits / 2;
}

/* IEEE 1619, 5.1: the data unit's number becomes the tweak as a little-endian byte array. */
static void tweak_from_number(uint8_t *tweak, uint64_t number)
{
	memset(tweak, 0, TWEAK_BYTES);
	for (int i = 0; number != 0; i++, number >>= 8)
		tweak[i] = number;
}

/* One `name = value` of the file. Unknown names are as wrong as bad values: nothing is skipped. */
static int take_field(struct vector *v, const char *name, const char *value)
{
	int bytes = 0;

	if (strcmp(name, "COUNT") == 0) {
		*v = (struct vector){.count = strtoul(value, NULL, 10)};
	} else if (strcmp(name, "DataUnitLen") == 0) {
		v->unit_bits = strtoul(value, NULL, 10);
	} else if (strcmp(name, "DataUnitSeqNumber") == 0) {
		tweak_from_number(v->tweak, strtoull(value, NULL, 10));
	} else if (strcmp(name, "i") == 0) {
		bytes = from_hex(v->tweak, sizeof(v->tweak), value);
	} else if (strcmp(name, "Key") == 0) {
		bytes = from_hex(v->key, sizeof(v->key), value);
		v->key_bytes = bytes;
	} else if (strcmp(name, "PT") == 0) {
		bytes = from_hex(v->plaintext, sizeof(v->plaintext), value);
		v->have_plaintext = true;
	} else if (strcmp(name, "CT") == 0) {
		bytes = from_hex(v->ciphertext, sizeof(v->ciphertext), value);
		v->have_ciphertext = true;
	} else {
		return -EINVAL;
	}
	return bytes < 0 ? bytes : 0;
}

static bool both_ways(struct kcapi_handle *cipher, const struct vector *v)
{
	const uint32_t bytes = v->unit_bits / 8;
	uint8_t got[MAX_UNIT_BYTES];
	ssize_t n;

	n = kcapi_cipher_encrypt(cipher, v->plaintext, bytes, v->tweak, got, bytes,
				 KCAPI_ACCESS_SENDMSG);
	if (n != (ssize_t)bytes || memcmp(got, v->ciphertext, bytes) != 0)
		return false;
	n = kcapi_cipher_decrypt(cipher, v->ciphertext, bytes, v->tweak, got, bytes,
				 KCAPI_ACCESS_SENDMSG);
	return n == (ssize_t)bytes && memcmp(got, v->plaintext, bytes) == 0;
}

/* A socket that has been used does not take another key (EBUSY), so each case opens its own. */
static bool passes(const char *driver, const struct vector *v)
{
	struct kcapi_handle *cipher;
	bool good = false;

	if (kcapi_cipher_init(&cipher, driver, 0) != 0)
		return false;
	if (kcapi_cipher_setkey(cipher, v->key, v->key_bytes) == 0)
		good = both_ways(cipher, v);
	kcapi_cipher_destroy(cipher);
	return good;
}

static void run_case(const char *driver, const struct vector *v, const char *file,
		     struct tally *tally)
{
	if (v->unit_bits % 8 != 0) {
		tally->left_out++;
		return;
	}
	tally->cases++;
	if (!passes(driver, v)) {
		tally->failed++;
		printf("FAILED %s: COUNT = %u, %u bits\n", file, v->count, v->unit_bits);
	}
}

/* Returns 0 when the whole file was understood. */
static int run_file(const char *driver, const char *file, struct tally *tally)
{
	char line[4 * MAX_UNIT_BYTES], name[32];
	struct vector v = {0};
	FILE *f = fopen(file, "re");

	if (!f) {
		fprintf(stderr, "kat: cannot open %s: %s\n", file, strerror(errno));
		return -errno;
	}
	for (unsigned int number = 1; fgets(line, sizeof(line), f); number++) {
		int value_at = 0;

		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '#' || line[0] == '[' || line[0] == '\0')
			continue;
		if (sscanf(line, "%31s = %n", name, &value_at) != 1 || value_at == 0 ||
		    take_field(&v, name, line + value_at) != 0) {
			fprintf(stderr, "kat: %s:%u: cannot read this line\n", file, number);
			fclose(f);
			return -EINVAL;
		}
		if (v.have_plaintext && v.have_ciphertext) {
			run_case(driver, &v, file, tally);
			v.have_plaintext = v.have_ciphertext = false;
		}
	}
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {{"driver", required_argument, NULL, 'd'},
					      {NULL, 0, NULL, 0}};
	const char *driver = "xts(aes)";
	struct tally tally = {0};
	int c, err = 0;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c != 'd')
			return 2;
		driver = optarg;
	}
	if (optind == argc) {
		fprintf(stderr, "usage: kat [--driver NAME] FILE...\n");
		return 2;
	}
	for (int i = optind; i < argc && err == 0; i++)
		err = run_file(driver, argv[i], &tally);
	printf("kat: %s: %u passed, %u failed, %u left out (not whole bytes)\n", driver,
	       tally.cases - tally.failed, tally.failed, tally.left_out);
	return err != 0 || tally.failed != 0 || tally.cases == 0;
}
