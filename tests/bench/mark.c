// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tells the plugin insn_count.c that a count ends here: by an instruction that does nothing. */

int main(void)
{
	/* nopl 0x21455646(%rax); insn_count.c knows its bytes */
	__asm__ volatile(".byte 0x0f, 0x1f, 0x80, 'F', 'V', 'E', '!'");
	return 0;
}
