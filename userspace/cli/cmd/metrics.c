// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup metrics' action: what is to be watched, in Prometheus' text format 0.0.4. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/json.h"
#include "cli/table.h"
#include "custody/audit.h"
#include "custody/escrow_seen.h"
#include "custody/keypolicy_lease.h"
#include "custody/keypolicy_volumes.h"
#include "os/device.h"
#include "os/file.h"
#include "os/state.h"
#include "protector/concerns.h"

#define SEEN_MAX 1024 /* volumes that are told of */

/* A family's samples stand together, so each has a buffer. */
enum family {
	BUILD_INFO,
	VOLUME_OPEN,
	VOLUME_PROTECTORS,
	VOLUME_ESCROWED,
	VOLUME_WEAK_PCRS,
	POLICY_SUSPENDED,
	POLICY_GENERATION,
	POLICY_BOUND,
	POLICY_PROVED,
	POLICY_VOLUMES,
	ROOT_OUTCOME,
	ROOT_SINCE,
	ROOT_CHECKED,
	LEASE_LEFT,
	AUDIT_RECORDS,
	AUDIT_UNANCHORED,
	FAMILIES,
};

static const struct {
	const char *name, *help;
} families[FAMILIES] = {
	[BUILD_INFO] = {"fve_build_info", "Version of fvesetup."},
	[VOLUME_OPEN] = {"fve_volume_open", "Whether the volume is open."},
	[VOLUME_PROTECTORS] = {"fve_volume_protectors", "Protectors of the volume, by kind."},
	[VOLUME_ESCROWED] = {"fve_volume_recovery_escrowed",
			     "Whether the audit log has the escrow of the recovery password."},
	[VOLUME_WEAK_PCRS] = {"fve_volume_weak_pcrs",
			      "Whether an approval binds PCRs that any system can extend."},
	[POLICY_SUSPENDED] = {"fve_policy_suspended", "Whether the key policy is suspended."},
	[POLICY_GENERATION] = {"fve_policy_generation", "Generation of the key policy."},
	[POLICY_BOUND] = {"fve_policy_bound_seconds", "From a withdrawal to its effect, at most."},
	[POLICY_PROVED] = {"fve_policy_proved_timestamp_seconds", "When a root unwrapped last."},
	[POLICY_VOLUMES] = {"fve_policy_volumes", "Volumes of the key policy, by state."},
	[ROOT_OUTCOME] = {"fve_policy_root_outcome", "1 for what the root said last."},
	[ROOT_SINCE] = {"fve_policy_root_since_timestamp_seconds",
			"Since when the root has said that."},
	[ROOT_CHECKED] = {"fve_policy_root_checked_timestamp_seconds",
			  "When the root was asked last."},
	[LEASE_LEFT] = {"fve_policy_lease_boots_left",
			"Boots for which the availability key opens without a root."},
	[AUDIT_RECORDS] = {"fve_audit_records", "Records of the audit log."},
	[AUDIT_UNANCHORED] = {"fve_audit_unanchored_records",
			      "Records at the end that the TPM does not cover."},
};

struct metrics {
	const struct args *args;
	char *text[FAMILIES]; /* owned */
	size_t size[FAMILIES];
	FILE *file[FAMILIES];
	char seen[SEEN_MAX][UUID_LENGTH + 1];
	size_t n_seen;
	struct escrow_seen escrowed;
	uint64_t records, unanchored;
};

static void metrics_free(struct metrics **m)
{
	for (int i = 0; *m && i < FAMILIES; i++) {
		if ((*m)->file[i])
			fclose((*m)->file[i]);
		free((*m)->text[i]);
	}
	if (*m)
		escrow_seen_free(&(*m)->escrowed);
	free(*m);
}
#define _cleanup_metrics_ __attribute__((cleanup(metrics_free)))

/* A label's value, of which \, " and line ends are escaped. */
static void put_label(FILE *to, const char *name, const char *value, bool first)
{
	_cleanup_free_ char *text = printable_copy(value);

	fprintf(to, "%s%s=\"", first ? "{" : ",", name);
	for (const char *p = text ?: ""; *p; p++)
		fprintf(to, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
	fputc('"', to);
}

#define END ((const char *)NULL)

/* Write a sample. What follows @value are names and values of its labels, and END. */
static void sample(struct metrics *m, enum family family, int64_t value, ...)
{
	FILE *to = m->file[family];
	const char *name;
	bool first = true;
	va_list labels;

	fputs(families[family].name, to);
	va_start(labels, value);
	while ((name = va_arg(labels, const char *))) {
		put_label(to, name, va_arg(labels, const char *), first);
		first = false;
	}
	va_end(labels);
	fprintf(to, "%s %lld\n", first ? "" : "}", (long long)value);
}

/* --- volumes -------------------------------------------------------------------------------- */

static bool is_told(const struct metrics *m, const char *volume)
{
	for (size_t i = 0; i < m->n_seen; i++)
		if (!strcmp(m->seen[i], volume))
			return true;
	return false;
}

static void tell_protectors(struct metrics *m, const struct header *header)
{
	struct protector list[PROTECTOR_LIST_MAX];
	unsigned int count[PROTECTOR_MAX] = {0};
	int n = protector_list(header, list);

	for (int i = 0; i < n; i++) {
		count[list[i].kind]++;
		if (list[i].kind == PROTECTOR_RECOVERY)
			sample(m, VOLUME_ESCROWED,
			       escrow_seen_has(&m->escrowed, header_uuid(header), list[i].head.id),
			       "volume", header_uuid(header), "protector", list[i].head.id, END);
	}
	for (int i = 0; i < PROTECTOR_MAX; i++)
		if (count[i])
			sample(m, VOLUME_PROTECTORS, count[i], "volume", header_uuid(header),
			       "kind", protector_kind_name((enum protector_kind)i), END);
}

static void tell_volume(struct metrics *m, const char *path, const char *uuid)
{
	_cleanup_volume_status_ struct volume_status open = {0};
	_cleanup_header_ struct header *header = NULL;
	enum reason concerns[CONCERNS_MAX];
	char name[VOLUME_NAME_SIZE];
	bool weak = false;
	size_t n;

	if (strlen(uuid) != UUID_LENGTH || is_told(m, uuid) || m->n_seen == SEEN_MAX ||
	    header_load(path, &header) < 0)
		return;
	strcpy(m->seen[m->n_seen++], uuid);
	sample(m, VOLUME_OPEN, volume_find_open(path, name, &open) > 0, "volume", uuid, "device",
	       path, END);
	n = concerns_read(header, m->args->unlock.tcti, concerns);
	for (size_t i = 0; i < n; i++)
		weak |= concerns[i] == REASON_WEAK_PCRS;
	sample(m, VOLUME_WEAK_PCRS, weak, "volume", uuid, END);
	tell_protectors(m, header);
}

static int tell_device(void *data, const struct device_volume *volume)
{
	if (volume->marked)
		tell_volume(data, volume->path, volume->uuid);
	return 0;
}

/* --- key policies --------------------------------------------------------------------------- */

static int64_t seconds(const char *text)
{
	struct tm tm = {0};

	return strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) ? (int64_t)timegm(&tm) : 0;
}

static void tell_root(struct metrics *m, const char *policy, const char *root,
		      const struct keypolicy_last *last)
{
	if (!last->known)
		return;
	for (enum provider_outcome i = PROVIDER_OK; i < PROVIDER_UNASKED; i++)
		sample(m, ROOT_OUTCOME, i == last->outcome, "policy", policy, "root", root,
		       "outcome", provider_outcome_names[i], END);
	sample(m, ROOT_SINCE, seconds(last->since), "policy", policy, "root", root, END);
	sample(m, ROOT_CHECKED, seconds(last->checked), "policy", policy, "root", root, END);
}

static void tell_policy_volumes(struct metrics *m, const struct keypolicy *policy,
				const struct keypolicy_place *places)
{
	static const char *const states[] = {"current", "behind", "unassigned", "away"};

	for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
		int64_t n = 0;

		for (size_t i = 0; i < policy->n_volumes; i++)
			n += !strcmp(keypolicy_volume_state(policy, &places[i]), states[s]);
		sample(m, POLICY_VOLUMES, n, "policy", policy->name, "state", states[s], END);
	}
	/* Files that are volumes are no block devices. */
	for (size_t i = 0; i < policy->n_volumes; i++)
		if (places[i].there)
			tell_volume(m, places[i].path, policy->volumes[i].uuid);
}

static int tell_policy(void *data, const char *name)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_free_ struct keypolicy_place *places = NULL;
	struct metrics *m = data;

	if (keypolicy_load(name, &policy) < 0)
		return 0;
	sample(m, POLICY_SUSPENDED, *policy.suspended != '\0', "policy", name, END);
	sample(m, POLICY_GENERATION, policy.generation, "policy", name, END);
	sample(m, POLICY_BOUND, (int64_t)policy.bound * 60, "policy", name, END);
	sample(m, POLICY_PROVED, seconds(policy.proved), "policy", name, END);
	for (int i = 0; i < WRAP_ROOTS; i++)
		tell_root(m, name, i == WRAP_ROOT_A ? "a" : "b", &policy.roots[i].last);
	if (policy.availability == AVAILABILITY_TRANSIENT)
		sample(m, LEASE_LEFT, keypolicy_lease_left(&policy, m->args->unlock.tcti), "policy",
		       name, END);
	if (keypolicy_volumes_find(&policy, &places) == 0)
		tell_policy_volumes(m, &policy, places);
	return 0;
}

/* --- the audit log -------------------------------------------------------------------------- */

static void read_record(const char *line, void *data)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct metrics *m = data;
	struct json_object *anchored;
	struct members members;

	m->records++;
	m->unanchored++;
	object = members_read(&members, line);
	if (!object)
		return;
	if (json_object_object_get_ex(object, "anchored", &anchored) &&
	    json_object_get_boolean(anchored))
		m->unanchored = 0;
}

/* Before the volumes, of which it says what is escrowed. */
static int tell_audit(struct metrics *m)
{
	_cleanup_free_ char *path = NULL;
	int r = 0;

	if (asprintf(&path, "%s/audit.log", state_directory()) < 0)
		return -ENOMEM;
	if (access(path, F_OK) == 0)
		r = audit_read(read_record, m);
	if (r == 0)
		r = escrow_seen_load(&m->escrowed);
	sample(m, AUDIT_RECORDS, (int64_t)m->records, END);
	sample(m, AUDIT_UNANCHORED, (int64_t)m->unanchored, END);
	return r;
}

/* --- all of it ------------------------------------------------------------------------------ */

static int begin(struct metrics *m)
{
	for (int i = 0; i < FAMILIES; i++) {
		m->file[i] = open_memstream(&m->text[i], &m->size[i]);
		if (!m->file[i])
			return -ENOMEM;
	}
	return 0;
}

static int finish(struct metrics *m, char **ret, size_t *ret_size)
{
	FILE *to = open_memstream(ret, ret_size);
	bool failed = false;

	if (!to)
		return -ENOMEM;
	for (int i = 0; i < FAMILIES; i++) {
		failed |= fflush(m->file[i]) != 0;
		if (failed || !m->size[i])
			continue;
		fprintf(to, "# HELP %s %s\n# TYPE %s gauge\n", families[i].name, families[i].help,
			families[i].name);
		fputs(m->text[i], to);
	}
	return fclose(to) != 0 || failed ? -ENOMEM : 0;
}

static int cmd_metrics(const struct args *args)
{
	_cleanup_metrics_ struct metrics *m = calloc(1, sizeof(*m));
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t size = 0;
	bool unread = false; /* what this process may not read is not told of */
	int r = m ? begin(m) : -ENOMEM;

	if (r < 0)
		return r;
	m->args = args;
	sample(m, BUILD_INFO, 1, "version", FVE_VERSION, END);
	r = tell_audit(m);
	if (r == 0)
		r = device_each_volume(tell_device, m, &unread);
	if (r == 0)
		r = keypolicy_each(tell_policy, m);
	if (r == 0)
		r = finish(m, &text, &size);
	if (r < 0)
		return r;
	if (!args->textfile) {
		fputs(text, stdout);
		return 0;
	}
	/* A file is renamed into its place, be that a device. */
	if (lstat(args->textfile, &st) == 0 && !S_ISREG(st.st_mode))
		return log_errno(EISDIR, "%s is there and is no file; nothing was written",
				 args->textfile);
	r = file_replace(args->textfile, text, size, 0644);
	return r < 0 ? log_errno(-r, "cannot write %s: %s", args->textfile, strerror(-r)) : 0;
}

ACTION(metrics, "Audit log", "metrics", "", "what is to be watched, for Prometheus",
       "Print in Prometheus' text format what volumes, protectors, key policies, leases and the "
       "audit log are like. No root is asked: what a root said last is told. With --textfile for "
       "the textfile collector of node_exporter.",
       OPT_TEXTFILE, OPT_TPM);
