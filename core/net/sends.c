/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* sends.c - see sends.h. Of io_uring no more than this: a ring that is empty between two calls;
 * each operation says that it does not wait, so the kernel has done it when it returns. */
#include "core/net/sends.h"

#include "core/base/log.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_ENTRIES 64
#define FEWEST 4 /* for less the ring is no cheaper */
/* Older kernels lack operations, or place the rings apart from each other. */
#define NEEDED (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_FAST_POLL)

static bool allowed = true;
static bool refused; /* by the kernel: not asked for again */

static struct ring {
	int fd; /* 0: there is none */
	char *memory;
	size_t size, sqes_size;
	struct io_uring_sqe *sqes;
	const struct io_uring_cqe *cqes;
	unsigned *sq_tail, *sq_array, *cq_head, *cq_tail;
	unsigned sq_mask, cq_mask;
} ring;

static void close_ring(void)
{
	if (ring.fd <= 0)
		return;
	if (ring.sqes != NULL)
		munmap(ring.sqes, ring.sqes_size);
	if (ring.memory != NULL)
		munmap(ring.memory, ring.size);
	close(ring.fd);
	memset(&ring, 0, sizeof ring);
}

static void *map(size_t size, off_t what)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, what);

	return at != MAP_FAILED ? at : NULL;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static bool map_ring(const struct io_uring_params *p)
{
	if ((p->features & NEEDED) != NEEDED)
		return false;
	ring.size = larger(p->sq_off.array + p->sq_entries * sizeof(unsigned),
		p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe));
	ring.sqes_size = p->sq_entries * sizeof(struct io_uring_sqe);
	ring.memory = map(ring.size, IORING_OFF_SQ_RING);
	ring.sqes = map(ring.sqes_size, IORING_OFF_SQES);
	if (ring.memory == NULL || ring.sqes == NULL)
		return false;
	ring.sq_tail = (unsigned *)(void *)(ring.memory + p->sq_off.tail);
	ring.sq_array = (unsigned *)(void *)(ring.memory + p->sq_off.array);
	ring.sq_mask = *(unsigned *)(void *)(ring.memory + p->sq_off.ring_mask);
	ring.cq_head = (unsigned *)(void *)(ring.memory + p->cq_off.head);
	ring.cq_tail = (unsigned *)(void *)(ring.memory + p->cq_off.tail);
	ring.cq_mask = *(unsigned *)(void *)(ring.memory + p->cq_off.ring_mask);
	ring.cqes = (const struct io_uring_cqe *)(void *)(ring.memory + p->cq_off.cqes);
	return true;
}

static void open_ring(void)
{
	struct io_uring_params p = { 0 };
	long fd = syscall(SYS_io_uring_setup, RING_ENTRIES, &p);

	if (fd > 0) {
		ring.fd = (int)fd;
		if (map_ring(&p))
			return;
		close_ring();
	}
	refused = true;
	log_debug("io_uring is not used: the kernel lacks it, or forbids it");
}

void sends_allow_ring(bool allow)
{
	allowed = allow;
	if (!allow)
		close_ring();
}

bool sends_use_ring(size_t count)
{
	if (count < FEWEST || !allowed)
		return false;
	if (ring.fd == 0 && !refused)
		open_ring();
	return ring.fd > 0;
}

static ssize_t result_of(ssize_t n)
{
	return n == -EAGAIN || n == -EWOULDBLOCK ? 0 : n;
}

static void send_singly(struct send_one *sends, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct span bytes = sends[i].bytes;
		ssize_t n;

		do {
			n = send(sends[i].fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		} while (n < 0 && errno == EINTR);
		sends[i].result = result_of(n < 0 ? -errno : n);
	}
}

static void put(const struct send_one *one, unsigned at, size_t number)
{
	struct io_uring_sqe *sqe = &ring.sqes[at];

	memset(sqe, 0, sizeof *sqe);
	sqe->opcode = IORING_OP_SEND;
	sqe->fd = one->fd;
	sqe->addr = (uintptr_t)one->bytes.data;
	sqe->len = (uint32_t)(one->bytes.len < INT32_MAX ? one->bytes.len : INT32_MAX);
	sqe->msg_flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	sqe->user_data = number;
	ring.sq_array[at] = at;
}

static size_t take_results(struct send_one *sends, size_t count)
{
	unsigned head = *ring.cq_head;
	unsigned tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
	size_t taken = 0;

	for (; head != tail; head++) {
		const struct io_uring_cqe *cqe = &ring.cqes[head & ring.cq_mask];

		if (cqe->user_data < count) {
			sends[cqe->user_data].result = result_of(cqe->res);
			taken++;
		}
	}
	__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
	return taken;
}

/* At most RING_ENTRIES. */
static void send_by_ring(struct send_one *sends, size_t count)
{
	unsigned tail = *ring.sq_tail;
	size_t left = count, done = 0;

	for (size_t i = 0; i < count; i++) {
		sends[i].result = -EIO; /* of what the kernel would have begun and told nothing of */
		put(&sends[i], tail++ & ring.sq_mask, i);
	}
	__atomic_store_n(ring.sq_tail, tail, __ATOMIC_RELEASE);
	while (done < count) {
		long n = syscall(SYS_io_uring_enter, ring.fd, (unsigned)left,
			(unsigned)(count - done), IORING_ENTER_GETEVENTS, NULL, 0);

		if (n > 0)
			left -= (size_t)n;
		done += take_results(sends, count);
		if (n < 0 && errno != EINTR)
			break;
	}
	if (done == count)
		return;
	/* The kernel has changed its mind. What it has not begun it will not do any more. */
	log_warn("io_uring fails (%s): the server does without", strerror(errno));
	refused = true;
	close_ring();
	send_singly(sends + (count - left), left);
}

void sends_run(struct send_one *sends, size_t count)
{
	while (sends_use_ring(count)) {
		size_t some = count < RING_ENTRIES ? count : RING_ENTRIES;

		send_by_ring(sends, some);
		sends += some;
		count -= some;
	}
	send_singly(sends, count);
}

void sends_fini(void)
{
	close_ring();
	allowed = true;
	refused = false;
}
