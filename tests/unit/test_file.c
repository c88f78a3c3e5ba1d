// SPDX-License-Identifier: LGPL-2.1-or-later
/* Files are read whole, made once and replaced whole; numbers and times are what they look like. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "os/file.h"
#include "test.h"

static char directory[] = "/tmp/fve-file.XXXXXX";
static char path[64];

static bool holds(const char *text)
{
	_cleanup_blob_ struct blob file = {0};

	return file_read(path, 100000, &file) == 0 && file.size == strlen(text) &&
	       !strcmp((char *)file.data, text);
}

static mode_t mode(void)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void reading(void)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8192, 70000};
	char text[70001];
	struct blob file = {0};

	memset(text, 'x', sizeof(text));
	CHECK(file_read("/nonexistent", 10, &file) == -ENOENT);
	CHECK(file_read("/tmp", 10, &file) == -EISDIR);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CHECK(file_replace(path, text, sizes[i], 0600) == 0);
		CHECK(file_read(path, sizes[i], &file) == 0 && file.size == sizes[i]);
		CHECK(file.data && !file.data[file.size] && !memcmp(file.data, text, file.size));
		blob_free(&file);
		CHECK(!sizes[i] || file_read(path, sizes[i] - 1, &file) == -EFBIG);
	}
	/* The kernel says that it is empty. */
	CHECK(file_read("/proc/self/status", 100000, &file) == 0 && file.size > 100);
	blob_free(&file);
}

static void creating(void)
{
	int fd;

	umask(077);
	unlink(path);
	CHECK(file_check_new(path, "file") == 0 && file_check_new(NULL, "file") == 0);
	CHECK(file_create(path, 0600, "a", 1) == 0 && holds("a") && mode() == 0600);
	CHECK(file_create(path, 0600, "b", 1) == -EEXIST && holds("a"));
	CHECK(file_check_new(path, "file") == -EEXIST);
	unlink(path);
	CHECK(file_create(path, 0644, "a", 1) == 0 && mode() == 0644);
	unlink(path);
	CHECK(file_create_begin(path, 0600, &fd) == 0 && write(fd, "c", 1) == 1);
	CHECK(file_create_end(path, fd, 0) == 0 && holds("c"));
	close(fd);
	unlink(path);
	/* What failed leaves nothing. */
	CHECK(file_create_begin(path, 0600, &fd) == 0);
	CHECK(file_create_end(path, fd, -EIO) == -EIO && access(path, F_OK) < 0);
	close(fd);
	CHECK(file_create("/nonexistent/file", 0600, "a", 1) == -ENOENT);
}

static void replacing(void)
{
	CHECK(file_replace(path, "new", 3, 0600) == 0 && holds("new"));
	CHECK(file_replace(path, "newer", 5, 0600) == 0 && holds("newer"));
	CHECK(file_replace("/nonexistent/file", "a", 1, 0600) == -ENOENT);
	unlink(path);
}

static void numbers(void)
{
	static const char *const wrong[] = {"",	  " 1", "1 ",	      "+1",
					    "-1", "1x", "4294967296", "99999999999999999999"};
	uint32_t number = 7;
	char text[TIME_LENGTH + 1];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK(number_parse(wrong[i], 0, UINT32_MAX, &number) == -EINVAL && number == 7);
	CHECK(number_parse("4294967295", 0, UINT32_MAX, &number) == 0 && number == UINT32_MAX);
	CHECK(number_parse("15", 1, 15, &number) == 0 && number == 15);
	CHECK(number_parse("16", 1, 15, &number) == -EINVAL);
	CHECK(number_parse("0", 1, 15, &number) == -EINVAL);
	CHECK(time_text(0, text) == 0 && !strcmp(text, "1970-01-01T00:00:00Z"));
	CHECK(time_text((time_t)1 << 40, text) == -EOVERFLOW);
}

int main(void)
{
	CHECK(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/file", directory);
	reading();
	creating();
	replacing();
	numbers();
	CHECK(rmdir(directory) == 0);
	return test_done();
}
