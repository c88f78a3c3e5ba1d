// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xts_file - aes-xts-plain64 over a whole image, by OpenSSL
 *
 * The reader that shares no code with the kernel: it decrypts (or with --encrypt, encrypts)
 * standard input to standard output as dm-crypt documents plain64 (Linux
 * Documentation/admin-guide/device-mapper/dm-crypt.rst): the tweak is the 64-bit little-endian
 * sector number, counted in 512-byte sectors whatever the sector size, or in units of the sector
 * size with --iv-large-sectors; --iv-offset, in 512-byte sectors, is added first.
 */
#include <errno.h>
#include <getopt.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR		      512u
#define MAX_SECTOR_BYTES      4096
#define TWEAK_BYTES	      16
#define XTS_AES_128_KEY_BYTES 32
#define XTS_AES_256_KEY_BYTES 64

struct options {
	const char *key_file;
	uint64_t iv_offset;   /* 512-byte sectors */
	uint32_t sector_size; /* bytes */
	bool large_sectors;
	bool encrypt;
};

/* Returns the number of key bytes: the file holds nothing else, and is 32 or 64 bytes long. */
static size_t read_key(const char *file, uint8_t *key)
{
	uint8_t extra;
	size_t bytes;
	FILE *f = fopen(file, "re");

	if (!f) {
		fprintf(stderr, "xts_file: cannot open %s: %s\n", file, strerror(errno));
		exit(2);
	}
	bytes = fread(key, 1, XTS_AES_256_KEY_BYTES, f);
	if ((bytes != XTS_AES_128_KEY_BYTES && bytes != XTS_AES_256_KEY_BYTES) ||
	    fread(&extra, 1, 1, f) != 0) {
		fprintf(stderr, "xts_file: %s does not hold 32 or 64 bytes\n", file);
		exit(2);
	}
	fclose(f);
	return bytes;
}

static void plain64(const struct options *opt, uint64_t sector, uint8_t *tweak)
{
	uint64_t number = sector + opt->iv_offset;

	if (opt->large_sectors)
		number /= opt->sector_size / SECTOR;
	memset(tweak, 0, TWEAK_BYTES);
	for (int i = 0; i < 8; i++)
		tweak[i] = number >> (8 * i);
}

static int convert(const struct options *opt, EVP_CIPHER_CTX *ctx)
{
	uint8_t in[MAX_SECTOR_BYTES], out[MAX_SECTOR_BYTES], tweak[TWEAK_BYTES];
	uint64_t sector = 0;
	size_t got;
	int n;

	while ((got = fread(in, 1, opt->sector_size, stdin)) == opt->sector_size) {
		plain64(opt, sector, tweak);
		if (EVP_CipherInit_ex(ctx, NULL, NULL, NULL, tweak, opt->encrypt) != 1 ||
		    EVP_CipherUpdate(ctx, out, &n, in, got) != 1 || (size_t)n != got) {
			fprintf(stderr, "xts_file: OpenSSL failed\n");
			return 1;
		}
		if (fwrite(out, 1, got, stdout) != got) {
			fprintf(stderr, "xts_file: cannot write: %s\n", strerror(errno));
			return 1;
		}
		sector += opt->sector_size / SECTOR;
	}
	if (got != 0 || ferror(stdin) || fflush(stdout) != 0) {
		fprintf(stderr, "xts_file: the input does not end at the end of a sector\n");
		return 1;
	}
	return 0;
}

static void parse(struct options *opt, int argc, char **argv)
{
	static const struct option names[] = {
		{"key-file", required_argument, NULL, 'k'},
		{"sector-size", required_argument, NULL, 's'},
		{"iv-offset", required_argument, NULL, 'i'},
		{"iv-large-sectors", no_argument, NULL, 'l'},
		{"encrypt", no_argument, NULL, 'e'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'k':
			opt->key_file = optarg;
			break;
		case 's':
			opt->sector_size = strtoul(optarg, NULL, 10);
			break;
		case 'i':
			opt->iv_offset = strtoull(optarg, NULL, 10);
			break;
		case 'l':
			opt->large_sectors = true;
			break;
		case 'e':
			opt->encrypt = true;
			break;
		default:
			exit(2);
		}
	}
	if (!opt->key_file || optind != argc || opt->sector_size < SECTOR ||
	    opt->sector_size > MAX_SECTOR_BYTES || opt->sector_size % SECTOR != 0) {
		fprintf(stderr,
			"usage: xts_file --key-file FILE [--sector-size BYTES] [--iv-offset SECTORS]\n"
			"                [--iv-large-sectors] [--encrypt] <IMAGE >IMAGE\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options opt = {.sector_size = SECTOR};
	uint8_t key[XTS_AES_256_KEY_BYTES];
	const EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx;
	int status;

	parse(&opt, argc, argv);
	cipher = read_key(opt.key_file, key) == XTS_AES_128_KEY_BYTES ? EVP_aes_128_xts()
								      : EVP_aes_256_xts();
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx || EVP_CipherInit_ex(ctx, cipher, NULL, key, NULL, opt.encrypt) != 1) {
		fprintf(stderr, "xts_file: OpenSSL refuses the key\n");
		return 1;
	}
	status = convert(&opt, ctx);
	EVP_CIPHER_CTX_free(ctx);
	return status;
}
