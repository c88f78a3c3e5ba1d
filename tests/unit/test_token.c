// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tokens: what is written reads back, and whatever else is refused. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keys/token.h"
#include "protector/protector.h"
#include "test.h"

static void test_vmk(void)
{
	_cleanup_token_vmk_ struct token_vmk token = {.slot = 3, .generation = 7}, back = {0};
	_cleanup_free_ char *json = NULL;

	CHECK(blob_set(&token.vmk, "wrapped", 7) == 0);
	json = token_vmk_format(&token);
	CHECK(!strcmp(json, "{\"type\":\"fve-vmk\",\"keyslots\":[\"3\"],\"version\":1,"
			    "\"generation\":7,\"vmk\":\"d3JhcHBlZA==\"}"));
	CHECK(token_vmk_parse(json, &back) == 0);
	CHECK(back.slot == 3 && back.generation == 7 && back.vmk.size == 7);
}

static void test_vmk_refused(void)
{
	static const struct {
		const char *json;
		int error;
	} bad[] = {
		{"", -EBADMSG},
		{"[]", -EBADMSG},
		{"{", -EBADMSG},
		{"{\"type\":\"fve-vmk\",\"keyslots\":[\"3\"],\"version\":2,\"generation\":7,"
		 "\"vmk\":\"\"}",
		 -ENOTSUP},
		{"{\"type\":\"fve-vmk\",\"keyslots\":[],\"version\":1,\"generation\":7,"
		 "\"vmk\":\"\"}",
		 0}, /* a new VMK, before its keyslot */
		{"{\"type\":\"fve-vmk\",\"keyslots\":[\"32\"],\"version\":1,\"generation\":7,"
		 "\"vmk\":\"\"}",
		 -EBADMSG},
		{"{\"type\":\"fve-vmk\",\"keyslots\":[\"3x\"],\"version\":1,\"generation\":7,"
		 "\"vmk\":\"\"}",
		 -EBADMSG},
		{"{\"type\":\"fve-vmk\",\"keyslots\":[\"3\"],\"version\":1,\"generation\":0,"
		 "\"vmk\":\"\"}",
		 -EBADMSG},
		{"{\"type\":\"fve-vmk\",\"keyslots\":[\"3\"],\"version\":1,\"generation\":7,"
		 "\"vmk\":\"?\"}",
		 -EBADMSG},
		{"{\"type\":\"fve-vmk\",\"keyslots\":[\"3\"],\"version\":1,\"generation\":7}",
		 -EBADMSG},
		{"{\"type\":\"fve-vmk\",\"keyslots\":[\"3\"],\"version\":1,\"generation\":7,"
		 "\"vmk\":\"\",\"more\":1}",
		 -EBADMSG},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_token_vmk_ struct token_vmk token = {0};

		CHECK(token_vmk_parse(bad[i].json, &token) == bad[i].error);
	}
}

static void test_auto(void)
{
	static const char *const bad[] = {
		"\"file\":\"relative\"",
		"\"file\":\"/a\",\"volume\":\"01234567-89ab-cdef-0123-456789abcdef\"",
		"\"volume\":\"/dev/sda1\"",
		"\"volume\":\"\"",
		"\"more\":1",
	};
	static const char head[] = "{\"type\":\"fve-auto\",\"keyslots\":[],\"version\":1,"
				   "\"id\":\"00112233\",\"label\":\"\","
				   "\"created\":\"2026-11-23T19:00:00Z\",\"generation\":1,"
				   "\"vmk\":\"\",\"kek\":\"\"";
	_cleanup_token_auto_ struct token_auto token = {.generation = 2}, back = {0};
	_cleanup_free_ char *json = NULL, *again = NULL;

	CHECK(token_head_init(&token.head, "data") == 0);
	CHECK(blob_set(&token.vmk, "v", 1) == 0 && blob_set(&token.kek, "k", 1) == 0);
	strcpy(token.file, "/etc/fve/data.key");
	json = token_auto_format(&token);
	CHECK(token_auto_parse(json, &back) == 0);
	CHECK(!strcmp(back.file, token.file) && !*back.volume && back.generation == 2);
	again = token_auto_format(&back);
	CHECK(!strcmp(json, again));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_token_auto_ struct token_auto none = {0};
		_cleanup_free_ char *text = NULL;

		CHECK(asprintf(&text, "%s,%s}", head, bad[i]) > 0);
		CHECK(token_auto_parse(text, &none) == -EBADMSG);
	}
}

static void test_tpm2(void)
{
	_cleanup_token_tpm2_ struct token_tpm2 token = {.generation = 1}, back = {0};
	_cleanup_free_ char *json = NULL, *again = NULL;

	CHECK(token_head_init(&token.head, "a \"label\"\n") == 0);
	CHECK(blob_set(&token.vmk, "v", 1) == 0 && blob_set(&token.kek, "k", 1) == 0);
	CHECK(blob_set(&token.sealed.public, "pub", 3) == 0);
	CHECK(blob_set(&token.sealed.private, "priv", 4) == 0);
	memset(token.srk.data, 0xa5, sizeof(token.srk.data));
	json = token_tpm2_format(&token, "fve-tpm2");
	CHECK(token_tpm2_parse(json, &back) == 0);
	CHECK(!strcmp(back.head.stored, "a \"label\"\n"));
	CHECK(!strcmp(back.head.label, "a \"label\"?"));
	again = token_tpm2_format(&back, "fve-tpm2");
	CHECK(!strcmp(json, again));

	/* Cut off anywhere, it is refused. */
	for (size_t n = strlen(json); n-- > 0;) {
		_cleanup_token_tpm2_ struct token_tpm2 cut = {0};

		json[n] = '\0';
		CHECK(token_tpm2_parse(json, &cut) < 0);
	}
}

/* Replace the first @from in @json, which has it, by @to; owned by the caller. */
static char *edited(const char *json, const char *from, const char *to)
{
	const char *at = strstr(json, from);
	char *text = NULL;

	CHECK(at);
	if (at && asprintf(&text, "%.*s%s%s", (int)(at - json), json, to, at + strlen(from)) < 0)
		text = NULL;
	return text;
}

static void test_tpm2_pin(void)
{
	static const char *const bad[][2] = {
		{"argon2id", "argon2i"},
		{"\"time\":3", "\"time\":0"},
		{"\"time\":3", "\"time\":2000000"},
		{"\"time\":3", "\"time\":-1"},
		{"\"time\":3", "\"time\":\"3\""},
		{"\"memory\":65536", "\"memory\":31"},
		{"\"memory\":65536", "\"memory\":4194305"},
		{"\"cpus\":4", "\"cpus\":5"},
		{"\"cpus\":4", "\"cpus\":4,\"more\":1"},
		{"\"salt\":\"", "\"salt\":\"00"},
		{"fve-tpm2-pin", "fve-tpm2"},
		{"\"kdf\":", "\"kdff\":"},
	};
	_cleanup_token_tpm2_ struct token_tpm2 token = {.generation = 1, .pin = true}, back = {0};
	_cleanup_free_ char *json = NULL, *again = NULL;

	CHECK(token_head_init(&token.head, "") == 0);
	token.kdf = (struct kdf_argon2id){.time = 3, .memory = 65536, .cpus = 4, .salt = {1, 2}};
	json = token_tpm2_format(&token, "fve-tpm2-pin");
	CHECK(token_tpm2_parse(json, &back) == 0 && back.pin);
	CHECK(back.kdf.time == 3 && back.kdf.memory == 65536 && back.kdf.salt[1] == 2);
	again = token_tpm2_format(&back, "fve-tpm2-pin");
	CHECK(!strcmp(json, again));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *damaged = edited(json, bad[i][0], bad[i][1]);
		_cleanup_token_tpm2_ struct token_tpm2 refused = {0};

		CHECK(token_tpm2_parse(damaged, &refused) == -EBADMSG);
	}
}

static void test_tpm2_net(void)
{
	static const char *const bad[][2] = {
		{"\"network\":[{", "\"network\":[{\"more\":1,"},
		{"\"uri\":\"tang:a\"", "\"uri\":\"\""},
		{"\"uri\":\"tang:a\"", "\"uri\":7"},
		{"\"wrap\":\"dw==\"", "\"wrap\":\"\""},
		{"\"wrap\":\"dw==\"", "\"wrap\":\"?\""},
		{"\"network\":[", "\"network\":[7,"},
		{"\"network\":[", "\"network\":[{},"},
		{"\"network\":", "\"networks\":"},
		{"fve-tpm2-net", "fve-tpm2"},
	};
	_cleanup_token_tpm2_ struct token_tpm2 token = {.generation = 1}, back = {0};
	_cleanup_free_ char *json = NULL, *again = NULL;
	uint8_t wrap[TOKEN_NETWORK_WRAP + 1] = {0};

	CHECK(token_head_init(&token.head, "") == 0);
	for (; token.n_network < TOKEN_NETWORK_MAX; token.n_network++) {
		struct token_network *server = &token.network[token.n_network];

		strcpy(server->uri, "tang:a");
		CHECK(blob_set(&server->wrap, token.n_network ? wrap : (const uint8_t *)"w",
			       token.n_network ? TOKEN_NETWORK_WRAP : 1) == 0);
	}
	json = token_tpm2_format(&token, "fve-tpm2-net");
	CHECK(token_tpm2_parse(json, &back) == 0 && back.n_network == TOKEN_NETWORK_MAX);
	CHECK(back.network[0].wrap.size == 1 && !strcmp(back.network[3].uri, "tang:a"));
	again = token_tpm2_format(&back, "fve-tpm2-net");
	CHECK(!strcmp(json, again));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *damaged = edited(json, bad[i][0], bad[i][1]);
		_cleanup_token_tpm2_ struct token_tpm2 refused = {0};

		CHECK(token_tpm2_parse(damaged, &refused) == -EBADMSG);
	}
	for (int i = 0; i < 2; i++) {
		_cleanup_token_tpm2_ struct token_tpm2 refused = {0};
		_cleanup_free_ char *large = NULL;

		/* One byte too many, and then no server at all, which is no member either. */
		blob_free(&token.network[1].wrap);
		CHECK(blob_set(&token.network[1].wrap, wrap, sizeof(wrap)) == 0);
		token.n_network = i ? 0 : TOKEN_NETWORK_MAX;
		large = token_tpm2_format(&token, "fve-tpm2-net");
		CHECK(token_tpm2_parse(large, &refused) == -EBADMSG);
	}
}

static void test_policy(void)
{
	_cleanup_token_policy_ struct token_policy token = {.generation = 1, .counter = 0x01846500},
						   back = {0};
	_cleanup_free_ char *json = NULL, *again = NULL;

	CHECK(blob_set(&token.private, "p", 1) == 0);
	token.approvals = calloc(2, sizeof(*token.approvals));
	token.n_approvals = 2;
	for (int i = 0; i < 2; i++) {
		struct token_approval *a = &token.approvals[i];

		CHECK(token_head_init(&a->head, i ? "second" : "first") == 0);
		a->policy.limit = 1ull << 40;
		a->events.n = i ? POLICY_EVENTS_MAX : 0;
		a->events.list[7] = (struct policy_event){9, {1, 2}};
		a->policy.pcrs.mask = 1u << 4 | 1u << 15;
		a->policy.pcrs.value[4][0] = (uint8_t)i;
		a->policy.signature.r[0] = 1;
	}
	json = token_policy_format(&token);
	CHECK(token_policy_parse(json, &back) == 0);
	CHECK(back.n_approvals == 2 && back.approvals[1].policy.pcrs.value[4][0] == 1);
	CHECK(back.approvals[1].policy.limit == 1ull << 40 && !back.approvals[0].events.n);
	CHECK(back.approvals[1].events.list[7].pcr == 9);
	CHECK(back.counter == 0x01846500);
	again = token_policy_format(&back);
	CHECK(!strcmp(json, again));
}

static void test_spec(void)
{
	struct protector_spec spec;
	char label[TOKEN_LABEL_MAX + 20];

	CHECK(protector_spec_parse("tpm2", &spec) == 0 && spec.kind == PROTECTOR_TPM2);
	CHECK(protector_spec_parse("tpm2,pcrs=7+11,unsafe-pcrs,label=x", &spec) == 0);
	CHECK(spec.pcrs == (1u << 7 | 1u << 11) && spec.unsafe_pcrs && !strcmp(spec.label, "x"));
	CHECK(protector_spec_parse("tpm2-pin,pcrs=7+9", &spec) == 0 &&
	      spec.kind == PROTECTOR_TPM2_PIN && spec.pcrs == (1u << 7 | 1u << 9));
	CHECK(protector_spec_parse("tpm2-net,pcrs=7+9,label=x", &spec) == 0 &&
	      spec.kind == PROTECTOR_TPM2_NET);
	CHECK(protector_spec_parse("tpm2-net,need=2", &spec) == -EINVAL);
	CHECK(protector_spec_parse("recovery,label=safe", &spec) == 0);
	CHECK(protector_spec_parse("", &spec) == -EINVAL);
	CHECK(protector_spec_parse("keyslot", &spec) == -EINVAL);
	CHECK(protector_spec_parse("tpm2,", &spec) == -EINVAL);
	CHECK(protector_spec_parse("tpm2,pcrs=", &spec) == -EINVAL);
	CHECK(protector_spec_parse("tpm2,unsafe-pcrs=yes", &spec) == -EINVAL);
	CHECK(protector_spec_parse("passphrase,pcrs=7", &spec) == -EINVAL);
	CHECK(protector_spec_parse("auto,file=/etc/key", &spec) == 0 &&
	      !strcmp(spec.file, "/etc/key"));
	CHECK(protector_spec_parse("auto,volume=/dev/sda2", &spec) == 0);
	CHECK(protector_spec_parse("auto", &spec) == -EINVAL);
	CHECK(protector_spec_parse("auto,file=key", &spec) == -EINVAL);
	CHECK(protector_spec_parse("auto,file=/key,volume=/dev/sda2", &spec) == -EINVAL);
	CHECK(protector_spec_parse("passphrase,file=/etc/key", &spec) == -EINVAL);
	memset(label, 'a', sizeof(label));
	memcpy(label, "recovery,label=", 15);
	label[15 + TOKEN_LABEL_MAX] = '\0';
	CHECK(protector_spec_parse(label, &spec) == 0);
	label[15 + TOKEN_LABEL_MAX] = 'a';
	label[16 + TOKEN_LABEL_MAX] = '\0';
	CHECK(protector_spec_parse(label, &spec) == -EINVAL);
}

int main(void)
{
	test_vmk();
	test_vmk_refused();
	test_auto();
	test_tpm2();
	test_tpm2_pin();
	test_tpm2_net();
	test_policy();
	test_spec();
	return test_done();
}
