/* SPDX-License-Identifier: GPL-2.0 */
/* What the shield reads of a packet: Ethernet, up to two VLAN tags, IPv4 or IPv6 with extension headers, and the ports. */
#ifndef HOSA_PACKET_H
#define HOSA_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "wire.h"

#define VLAN_TAGS_MAX 2
#define EXTENSIONS_MAX 8
#define IP_OFFSET 0x1fff
#define IP_MORE 0x2000
#define IP6_OFFSET 0xfff8
#define IP6_MORE 0x0001
#define IP_TOTAL_MAX 65535
/* No chain of headers is longer; the bound is for the verifier. */
#define HEADERS_MAX 32767

/* Ethertypes without which the link itself is lost. */
#define ETH_P_LACP 0x8809
#define ETH_P_LLDP_ 0x88cc
#define ETH_P_PAE_ 0x888e
#define ETH_LENGTH_MAX 1535 /* 802.3 length: LLC, spanning tree */

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP_ECHO_REQUEST 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMP6_UNREACHABLE 1
#define ICMP6_PACKET_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_PARAMETER_PROBLEM 4
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY 129

#define PROTOCOL_ICMPV6 58
#define PROTOCOL_EIGRP 88
#define PROTOCOL_OSPF 89
#define PROTOCOL_PIM 103
#define PROTOCOL_VRRP 112

struct address {
	__u32 words[4];
};

/* One direction of a conversation, as it arrives. IPv4 stands in the last word of an address, the others are 0. */
struct flow {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 version;
	__u16 unused;
};

/* All fragments of one packet. */
struct datagram {
	struct address source;
	struct address destination;
	__u32 id;
	__u8 protocol;
	__u8 version;
	__u16 unused;
};

/* What was read so far. It passes between global functions, which the verifier judges one by one: hence offsets, no pointers. */
struct packet {
	struct flow flow;
	__u32 at;   /* where reading stands, from the start of the frame */
	__u32 left; /* what the IP header promised of it, so that padding behind is never read */
	__u32 ip_at;
	__u32 transport_at;
	__u32 id;   /* of the datagram, when it is a fragment */
	__u8 later; /* a fragment after the first: it has no ports */
	__u8 more;  /* the first fragment of several */
	__u8 hop_limit;
	__u8 type;  /* ICMP */
	__u8 code;
	__u8 syn;
	__u8 ack;
	__u8 next; /* protocol of the header that follows */
};

/* linux/icmp.h would bring in the C library. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 rest;
};

struct vlan_tag {
	__be16 control;
	__be16 protocol;
};

struct extension {
	__u8 next;
	__u8 length;
	__u8 rest[6];
};

struct fragment_header {
	__u8 next;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

static __always_inline void *frame_at(struct xdp_md *ctx, __u32 at, __u32 size)
{
	void *found = (void *)(long)ctx->data + at;

	if (at > HEADERS_MAX || found + size > (void *)(long)ctx->data_end)
		return NULL;
	return found;
}

/* The next `size` bytes, or NULL. */
static __always_inline void *take(struct xdp_md *ctx, struct packet *packet, __u32 size)
{
	void *taken = packet->left < size ? NULL : frame_at(ctx, packet->at, size);

	if (taken) {
		packet->at += size;
		packet->left -= size;
	}
	return taken;
}

static __always_inline bool skip(struct packet *packet, __u32 size)
{
	if (packet->left < size)
		return false;
	packet->at += size;
	packet->left -= size;
	return true;
}

__noinline int read_transport(struct xdp_md *ctx, struct packet *packet)
{
	if (!packet)
		return false;
	packet->transport_at = packet->at;
	if (packet->flow.protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = take(ctx, packet, sizeof(*tcp));

		if (!tcp || tcp->doff < 5 || (tcp->doff - 5) * 4 > packet->left)
			return false;
		packet->flow.source_port = tcp->source;
		packet->flow.destination_port = tcp->dest;
		packet->syn = tcp->syn;
		packet->ack = tcp->ack;
	} else if (packet->flow.protocol == IPPROTO_UDP) {
		struct udphdr *udp = take(ctx, packet, sizeof(*udp));

		if (!udp)
			return false;
		packet->flow.source_port = udp->source;
		packet->flow.destination_port = udp->dest;
	} else if (packet->flow.protocol == IPPROTO_ICMP || packet->flow.protocol == PROTOCOL_ICMPV6) {
		struct icmp_header *icmp = take(ctx, packet, sizeof(*icmp));

		if (!icmp)
			return false;
		packet->type = icmp->type;
		packet->code = icmp->code;
	}
	return true;
}

__noinline int read_ipv4(struct xdp_md *ctx, struct packet *packet)
{
	__u32 in_frame, header, total;
	struct iphdr *ip;
	__u16 place;

	if (!packet)
		return false;
	in_frame = packet->left;
	packet->ip_at = packet->at;
	ip = take(ctx, packet, sizeof(*ip));
	if (!ip || ip->version != 4 || ip->ihl < 5)
		return false;
	header = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	/* Segments the kernel has joined may be longer than the field can say. */
	if (!total && in_frame > IP_TOTAL_MAX)
		total = in_frame;
	if (total < header || total > in_frame)
		return false;

	packet->flow.version = 4;
	packet->flow.protocol = ip->protocol;
	packet->flow.source.words[3] = ip->saddr;
	packet->flow.destination.words[3] = ip->daddr;
	packet->hop_limit = ip->ttl;
	packet->id = ip->id;
	place = bpf_ntohs(ip->frag_off);
	packet->later = (place & IP_OFFSET) != 0;
	packet->more = !packet->later && (place & IP_MORE);
	packet->left = total - sizeof(*ip);
	return skip(packet, header - sizeof(*ip));
}

enum { EXTENSION_BAD, EXTENSION_READ, EXTENSION_NONE };

/* One extension header of IPv6, if there is one. */
__noinline int read_extension(struct xdp_md *ctx, struct packet *packet)
{
	struct fragment_header *fragment;
	struct extension *extension;
	__u16 place;

	if (!packet)
		return EXTENSION_BAD;
	switch (packet->next) {
	case IPPROTO_FRAGMENT:
		fragment = take(ctx, packet, sizeof(*fragment));
		if (!fragment)
			return EXTENSION_BAD;
		place = bpf_ntohs(fragment->offset);
		packet->next = fragment->next;
		packet->id = fragment->id;
		packet->later = (place & IP6_OFFSET) != 0;
		packet->more = !packet->later && (place & IP6_MORE);
		return packet->later ? EXTENSION_NONE : EXTENSION_READ;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		extension = take(ctx, packet, sizeof(*extension));
		if (!extension || !skip(packet, extension->length * 8))
			return EXTENSION_BAD;
		packet->next = extension->next;
		return EXTENSION_READ;
	case IPPROTO_AH: /* counts in words of 4 bytes, less 2 */
		extension = take(ctx, packet, sizeof(*extension));
		if (!extension || !skip(packet, extension->length * 4))
			return EXTENSION_BAD;
		packet->next = extension->next;
		return EXTENSION_READ;
	default:
		return EXTENSION_NONE;
	}
}

__noinline int read_ipv6(struct xdp_md *ctx, struct packet *packet)
{
	__u32 in_frame, payload;
	struct ipv6hdr *ip;

	if (!packet)
		return false;
	in_frame = packet->left;
	packet->ip_at = packet->at;
	ip = take(ctx, packet, sizeof(*ip));
	if (!ip || ip->version != 6)
		return false;
	payload = bpf_ntohs(ip->payload_len);
	if (!payload && in_frame > IP_TOTAL_MAX)
		payload = in_frame - sizeof(*ip);
	if (payload > in_frame - sizeof(*ip))
		return false;

	packet->flow.version = 6;
	__builtin_memcpy(&packet->flow.source, &ip->saddr, sizeof(struct address));
	__builtin_memcpy(&packet->flow.destination, &ip->daddr, sizeof(struct address));
	packet->hop_limit = ip->hop_limit;
	packet->next = ip->nexthdr;
	packet->left = payload;
	for (int i = 0; i <= EXTENSIONS_MAX; i++) {
		int seen = read_extension(ctx, packet);

		if (seen == EXTENSION_BAD)
			return false;
		if (seen == EXTENSION_NONE) {
			packet->flow.protocol = packet->next;
			return true;
		}
	}
	/* More extension headers than anybody has a use for. */
	return false;
}

static __always_inline bool is_link_control(__be16 ethertype)
{
	switch (bpf_ntohs(ethertype)) {
	case 0 ... ETH_LENGTH_MAX:
	case ETH_P_ARP:
	case ETH_P_LACP:
	case ETH_P_LLDP_:
	case ETH_P_PAE_:
		return true;
	default:
		return false;
	}
}

#endif
