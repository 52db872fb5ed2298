/* SPDX-License-Identifier: Apache-2.0 */
/* only_avx2.c - loaded in front of a program (LD_PRELOAD), hides all that came after AVX2
 * from it, so that a peer without a switch for it can be timed as on such a machine.
 *
 * Linux can make CPUID fault on some CPUs (`cpuid_fault` in /proc/cpuinfo). The fault is
 * answered with what the CPU says, less the bits below. What the C library had chosen for
 * itself by then stays. A program may not have a handler of its own for the fault.
 */
#include <asm/prctl.h>
#include <cpuid.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define FEATURES 7 /* the leaf */

/* AVX-512 and AMX of leaf 7; its subleaf 1 has AVX-VNNI and the narrow floats too. */
#define HIDDEN_EBX                                                                       \
    (1U << 16 | 1U << 17 | 1U << 21 | 1U << 26 | 1U << 27 | 1U << 28 | 1U << 30 |        \
     1U << 31)
#define HIDDEN_ECX (1U << 1 | 1U << 6 | 1U << 11 | 1U << 12 | 1U << 14)
#define HIDDEN_EDX                                                                       \
    (1U << 2 | 1U << 3 | 1U << 8 | 1U << 22 | 1U << 23 | 1U << 24 | 1U << 25)
#define HIDDEN_EAX_1 (1U << 4 | 1U << 5 | 1U << 21)

typedef int sigaction_function(int, const struct sigaction *, struct sigaction *);
static sigaction_function *next_sigaction;

static const unsigned char cpuid_code[] = { 0x0f, 0xa2 };

/* Of this thread, and of those that it starts. */
static long allow_cpuid(int on)
{
    return syscall(SYS_arch_prctl, ARCH_SET_CPUID, on);
}

static void answer(greg_t *regs)
{
    unsigned leaf = (unsigned)regs[REG_RAX], subleaf = (unsigned)regs[REG_RCX];
    unsigned a, b, c, d;

    (void)allow_cpuid(1);
    __cpuid_count(leaf, subleaf, a, b, c, d);
    (void)allow_cpuid(0);
    if (leaf == FEATURES && subleaf == 0) {
        b &= ~HIDDEN_EBX;
        c &= ~HIDDEN_ECX;
        d &= ~HIDDEN_EDX;
    } else if (leaf == FEATURES && subleaf == 1) {
        a &= ~HIDDEN_EAX_1;
    }
    regs[REG_RAX] = a;
    regs[REG_RBX] = b;
    regs[REG_RCX] = c;
    regs[REG_RDX] = d;
    regs[REG_RIP] += (greg_t)sizeof(cpuid_code);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *at = context;

    (void)number;
    (void)info;
    if (memcmp((const void *)at->uc_mcontext.gregs[REG_RIP], cpuid_code,
               sizeof(cpuid_code)) != 0)
        abort();
    answer(at->uc_mcontext.gregs);
}

/* The program's own handler is not taken: ours must stay. */
int sigaction(int number, const struct sigaction *act, struct sigaction *before)
{
    return next_sigaction(number, number == SIGSEGV ? NULL : act, before);
}

__attribute__((constructor)) static void hide(void)
{
    struct sigaction act = { .sa_sigaction = on_fault,
                             .sa_flags = SA_SIGINFO | SA_NODEFER };

    next_sigaction = (sigaction_function *)dlsym(RTLD_NEXT, "sigaction");
    if (next_sigaction == NULL || next_sigaction(SIGSEGV, &act, NULL) != 0 ||
        allow_cpuid(0) != 0) {
        fputs("only_avx2: CPUID cannot be answered here\n", stderr);
        _exit(1);
    }
}
