// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup selftest' action: known answers for all that encrypts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/object.h"
#include "cli/table.h"
#include "crypto/afalg.h"
#include "crypto/selftest.h"
#include "os/mapping.h"

/* One line of the result; collected for JSON where @array is one. */
static void tell(struct json_object *array, const char *name, const char *by, const char *source,
		 int r)
{
	const char *result = r == 0 ? "passed" : r == -EBADMSG ? "failed" : "untested";
	struct json_object *o;

	if (!array) {
		printf("%-13s %-16s %-9s %s\n", name, by, result, source);
		return;
	}
	o = json_object_new_object();
	object_text(o, "name", name);
	object_text(o, "implementation", by);
	object_text(o, "result", result);
	object_text(o, "source", source);
	json_object_array_add(array, o);
}

/* -EBADMSG, a wrong answer, outweighs that something could not be tested. */
static int worse(int a, int b)
{
	return a == -EBADMSG || b == 0 ? a : b;
}

static int test_kernel(struct json_object *array)
{
	struct afalg_driver driver = {.name = "xts(aes)"};
	int r = afalg_find_driver(&driver);

	if (r == 0)
		r = selftest_kernel(driver.name);
	tell(array, "AES-XTS", driver.name, SELFTEST_KERNEL_SOURCE, r);
	if (*driver.inner && !array)
		printf("%-13s the target calls its inner %s\n", "", driver.inner);
	if (r == -EBADMSG)
		log_error("the kernel's %s gives wrong answers: do not write to any encrypted disk",
			  driver.name);
	else if (r < 0)
		log_error("the kernel's cipher cannot be reached from here: %s; it takes AF_ALG "
			  "(modprobe algif_skcipher)",
			  strerror(-r));
	return r < 0 && r != -EBADMSG ? -ENOPKG : r;
}

/* What is loaded. That it did load says that its own known answers held. */
static void tell_module(struct json_object *root)
{
	uint32_t version[3];
	char text[40];

	if (mapping_target_version("fve", version) < 0) {
		if (root)
			object_text(root, "module", NULL);
		else
			printf("\nThe module dm-fve is not loaded.\n");
		return;
	}
	snprintf(text, sizeof(text), "%u.%u.%u", version[0], version[1], version[2]);
	if (root)
		object_text(root, "module", text);
	else
		printf("\nThe module dm-fve is loaded, with target fve"
		       " %s; it has tested its engine itself.\n"
		       "Which engine a volume uses: fvesetup status <name>\n",
		       text);
}

static int cmd_selftest(const struct args *args)
{
	struct json_object *array = args->json ? json_object_new_array() : NULL;
	struct json_object *root = args->json ? json_object_new_object() : NULL;
	int result = 0;

	for (size_t i = 0; i < n_selftests; i++) {
		int r = selftests[i].run();

		tell(array, selftests[i].name, selftests[i].library, selftests[i].source, r);
		if (r < 0)
			log_error("%s of %s gives %s: use nothing that it has encrypted",
				  selftests[i].name, selftests[i].library,
				  r == -EBADMSG ? "a wrong answer" : strerror(-r));
		result = worse(result, r);
	}
	fflush(stdout);
	result = worse(result, test_kernel(array));
	if (root)
		json_object_object_add(root, "tests", array);
	tell_module(root);
	if (root)
		object_print(root);
	return result;
}

ACTION(selftest, "Tests", "selftest", "", "check the cryptography by known answers",
       "Check what encrypts here by known answers: the libraries, and the kernel's AES-XTS by the "
       "driver that the target would use, through AF_ALG. Nothing may be written to an encrypted "
       "disk where this finds a wrong answer. Exits with 4 where one is wrong, or where AF_ALG is "
       "not available and the kernel's cipher is untested.",
       OPT_JSON);
