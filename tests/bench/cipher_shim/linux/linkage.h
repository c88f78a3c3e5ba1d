/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What kernel/engine_x86_asm.{h,S} take from the kernel's header of this name, for user space. */
#ifndef FVE_SHIM_LINKAGE_H
#define FVE_SHIM_LINKAGE_H

#ifdef __ASSEMBLER__

/* clang-format off */
#define SYM_FUNC_START(name) .globl name; .type name, @function; .balign 16; name:
#define SYM_FUNC_END(name) .size name, . - name
#define RET ret

	.section .note.GNU-stack, "", @progbits
/* clang-format on */

#else

#define asmlinkage

#endif

#endif
