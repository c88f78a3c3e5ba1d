// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The 'fvesetup tenant create' action. A tenant is recorded before it is made, and is one once its
 * record says when it was finished. What fails is taken back at once; after a kill or a power cut
 * the next create of that name does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/signals.h"
#include "cli/show.h"
#include "cli/table.h"
#include "cli/tenant.h"
#include "custody/factors.h"
#include "custody/keypolicy_volumes.h"
#include "keys/vmk.h"
#include "os/device.h"
#include "os/file.h"
#include "os/storage.h"
#include "protector/customer.h"

/* The file takes room as the tenant writes; what it finds missing then is an I/O error. */
static void warn_of_room(int fd, const char *path, uint64_t size)
{
	char room[SHOW_SIZE_MAX], wanted[SHOW_SIZE_MAX];
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0 || fs.f_bavail >= size / fs.f_frsize)
		return;
	show_size((uint64_t)fs.f_bavail * fs.f_frsize, room);
	show_size(size, wanted);
	log_notice("There is room for %s of the %s of %s now. Where more is written the tenant "
		   "meets I/O errors.",
		   room, wanted, path);
}

static int make_file(const char *path, uint64_t size)
{
	_cleanup_close_ int fd = -1;
	int r = file_create_begin(path, 0600, &fd);

	if (r < 0)
		return r;
	warn_of_room(fd, path, size);
	if (ftruncate(fd, (off_t)size) < 0)
		r = log_errno(errno, "cannot make %s %llu bytes long: %m", path,
			      (unsigned long long)size);
	return file_create_end(path, fd, r);
}

/* The first layer is below a tenant: what is not its own, such as names and sizes, is encrypted
 * there. */
static int check_first_layer(const struct args *args, const char *path)
{
	dev_t device = storage_number(path);
	int r = device ? storage_encrypts(device) : storage_path_encrypted(path);

	if (r < 0 || r > 0 || args->force)
		return r < 0 ? r : 0;
	return log_errno(EPERM, "%s does not lie on an encrypted volume; if it shall: --force",
			 path);
}

/* Whether there is something to be overwritten; a new file is made only after all refusals. */
static int prepare(const struct args *args, const char *path)
{
	bool there = access(path, F_OK) == 0;
	int r = check_first_layer(args, path);

	if (r < 0)
		return r;
	if (args->size && there)
		return log_errno(EEXIST, "--size is for a new file, and %s is there", path);
	if (!args->size && !there)
		return log_errno(ENOENT, "%s is not there; --size makes a file", path);
	return there ? prompt_confirm(args->batch_mode, "All data on %s will be lost.", path)
		     : make_file(path, args->size);
}

/* The volume, with the TPM's factor and the policy's protector as its only way in. @ret_begun:
 * there is something to be taken back. */
static int make_volume(const struct args *args, struct keypolicy *policy, struct tenant *tenant,
		       struct customer_tenant *what, bool *ret_begun)
{
	char label[HEADER_LABEL_MAX + 1];
	const struct header_format how = {.label = label, .sector_size = args->sector_size};
	_cleanup_secret_ struct secret *fvek = secret_random(FVEK_SIZE), *vmk = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_tpm_ struct tpm *tpm = NULL;
	struct keypolicy_volume volume = {0};
	enum reason reason = REASON_NONE;
	int r = tpm_open(args->unlock.tcti, &tpm, &reason);

	if (r < 0)
		return log_errno(-r, "a tenant's key takes a TPM: %s", reason_text(reason));
	/* The record has the whole name, which may be longer than a label. */
	snprintf(label, sizeof(label), "%.*s", HEADER_LABEL_MAX, tenant->name);
	r = fvek ? header_format(tenant->path, &how, fvek, &header) : -ENOMEM;
	if (r < 0)
		return r;
	r = vmk_create(header, fvek, &vmk);
	if (r < 0)
		return r;
	strcpy(tenant->uuid, header_uuid(header));
	strcpy(volume.uuid, tenant->uuid);
	strcpy(volume.path, tenant->path);
	r = tenant_begin(tenant);
	*ret_begun = r == 0;
	if (r == 0)
		r = factors_add(tpm, tenant->uuid, &what->factor, &reason);
	if (r == 0)
		r = keypolicy_list_volume(policy, &volume);
	if (r == 0)
		r = protector_customer_set(header, fvek, policy, what, 0);
	if (r == 0)
		r = token_time_now(tenant->created);
	return r < 0 ? r : tenant_save(tenant);
}

static int parse_availability(const struct args *args, enum customer_availability *ret)
{
	static const char *const names[CUSTOMER_AVAILABILITIES] = {
		[CUSTOMER_BY_POLICY] = "policy",
		[CUSTOMER_OWN] = "own",
		[CUSTOMER_NONE] = "none",
	};

	*ret = CUSTOMER_BY_POLICY;
	for (int i = 0; args->availability && i < CUSTOMER_AVAILABILITIES; i++)
		if (!strcmp(names[i], args->availability)) {
			*ret = (enum customer_availability)i;
			break;
		} else if (i + 1 == CUSTOMER_AVAILABILITIES) {
			return log_errno(
				EINVAL, "--availability of a tenant is policy, own or none, not %s",
				args->availability);
		}
	if ((*ret == CUSTOMER_OWN) != (args->unlock.availability_key != NULL))
		return log_errno(EINVAL, "--availability own and --availability-key, a new file "
					 "for its custodian, go together");
	return *ret == CUSTOMER_OWN ? cli_check_custodian(args) : 0;
}

/* A key of the tenant's own lies with its custodian before anything is wrapped under it. */
static int make_availability(const struct args *args, struct customer_tenant *what,
			     struct tenant *tenant)
{
	_cleanup_secret_ struct secret *private = NULL;
	int r;

	if (what->availability == CUSTOMER_NONE)
		strcpy(tenant->availability, "none");
	if (what->availability != CUSTOMER_OWN)
		return 0;
	r = crypto_rsa_generate(KEYPOLICY_RSA_BITS, &private, &what->own);
	if (r == 0)
		r = keypolicy_key_text(&what->own, tenant->availability);
	if (r == 0)
		r = cli_give_to_custodian(args, private);
	/* A custodian's file that could not be made is somebody else's, and stays. */
	if (r < 0)
		blob_free(&what->own);
	return r;
}

/* Whether @path is a file with the volume @uuid, which was made for a tenant. */
static bool is_its_file(const char *path, const char *uuid)
{
	_cleanup_header_ struct header *header = NULL;
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && header_try(path, &header) == 0 &&
	       !strcmp(header_uuid(header), uuid);
}

static int erase_factor(const struct args *args, const struct tenant *tenant)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	enum reason reason = REASON_NONE;
	int r = tpm_open(args->unlock.tcti, &tpm, &reason);

	return r < 0 ? log_errno(-r, "a tenant's key takes a TPM: %s", reason_text(reason))
		     : factors_erase(tpm, tenant->uuid, &reason);
}

/* A policy that is gone lists nothing. */
static int unlist(const struct tenant *tenant)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	struct keypolicy_volume volume = {0};
	int r = keypolicy_find(tenant->policy, &policy);

	strcpy(volume.uuid, tenant->uuid);
	return r == 0 ? keypolicy_unlist_volume(&policy, &volume) : r == -ENOENT ? 0 : r;
}

/*
 * Take back what was made of @tenant, which is not finished, so that nobody has opened it. Its
 * record goes last, so that this can be done again.
 */
static int take_back(const struct args *args, const struct tenant *tenant)
{
	int r = erase_factor(args, tenant);

	if (r == 0)
		r = unlist(tenant);
	if (r == 0)
		r = tenant_remove(tenant);
	if (r < 0)
		log_error("what was made of tenant %s is still there; the same command again takes "
			  "it back first",
			  tenant->name);
	return r;
}

/* An earlier create of the same name that was cut short. */
static int take_back_interrupted(const struct args *args, const char *name)
{
	_cleanup_tenant_ struct tenant tenant = {0};
	_cleanup_close_ int lock = -1;
	int r = tenant_load(name, &tenant);

	if (r < 0)
		return r;
	if (*tenant.created)
		return log_errno(EEXIST, "there is a tenant %s already", name);
	/* Or is it still at work? */
	if (access(tenant.path, F_OK) == 0)
		r = device_lock(tenant.path, DEVICE_TO_CHANGE, &lock);
	tenant_free(&tenant);
	if (r == 0)
		r = tenant_load(name, &tenant);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && *tenant.created)
		return log_errno(EEXIST, "there is a tenant %s already", name);
	if (r < 0)
		return r;
	log_notice("Tenant %s was not created to its end; what was made of it is taken back.",
		   name);
	/* The new one may want another file, or bring one. */
	if (args->size && is_its_file(tenant.path, tenant.uuid) && unlink(tenant.path) < 0)
		return log_errno(errno, "cannot remove %s: %m", tenant.path);
	return take_back(args, &tenant);
}

static int cmd_tenant_create(const struct args *args)
{
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_tenant_ struct tenant tenant = {0};
	_cleanup_free_ char *absolute = NULL;
	_cleanup_close_ int lock = -1;
	const char *name = args->operand[0], *path = args->operand[1];
	_cleanup_customer_tenant_ struct customer_tenant what = {0};
	bool begun = false;
	int r;

	if (!args->policy)
		return log_errno(EINVAL, "tenant create needs --policy");
	r = parse_availability(args, &what.availability);
	if (r < 0)
		return r;
	r = volume_check_name(name);
	if (r < 0)
		return r;
	r = keypolicy_load_active(args->policy, &policy);
	if (r < 0)
		return r;
	r = tenant_check_name(name);
	if (r < 0)
		return r;
	if (tenant_exists(name))
		r = take_back_interrupted(args, name);
	if (r < 0)
		return r;
	r = prepare(args, path);
	if (r < 0)
		return r;
	r = device_lock(path, DEVICE_TO_CHANGE, &lock);
	if (r < 0)
		return r;
	absolute = realpath(path, NULL);
	if (!absolute || strlen(absolute) > TOKEN_PATH_MAX)
		return log_errno(EINVAL, "the path of %s is too long", path);
	strcpy(tenant.name, name);
	strcpy(tenant.path, absolute);
	strcpy(tenant.policy, policy.uuid);
	signals_hold();
	r = make_availability(args, &what, &tenant);
	if (r == 0)
		r = make_volume(args, &policy, &tenant, &what, &begun);
	if (r < 0 && begun)
		take_back(args, &tenant);
	if (r < 0 && args->size)
		unlink(path);
	if (r < 0 && what.own.size)
		unlink(args->unlock.availability_key);
	return r < 0 ? r
		     : keypolicy_audit(&policy, args->unlock.tcti, "tenant-created", tenant.uuid,
				       name);
}

ACTION(tenant_create, "Tenants", "tenant create", "<name> <device or file>",
       "make a volume that its roots and this TPM open",
       "Make a volume for a tenant, on a device or in a file, which is made with --size: only the "
       "roots of --policy and this machine's TPM together open it. All that is there is lost. It "
       "lies on an encrypted volume; --force takes another place. Where the TPM is lost, the "
       "policy's availability key opens it on another machine, or with --availability own a key that "
       "is made for this tenant and dies with it.",
       OPT_POLICY, OPT_AVAILABILITY, OPT_AVAILABILITY_KEY, OPT_CUSTODIAN, OPT_PLAIN, OPT_SIZE,
       OPT_SECTOR_SIZE, OPT_TPM, OPT_FORCE);
