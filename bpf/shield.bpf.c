// SPDX-License-Identifier: GPL-2.0
/* Who is let in. The rule stands here, what it is applied to in `control` and the allow-lists, which user space writes in place:
 * no change of mode loads or attaches anything anew. docs/SHIELD.md has the rule as a table. */
#include "packet.h"

#define MAX_CPUS 512
#define TCP_ESTABLISHED 1
#define TCP_LISTEN 10
#define SECOND_NS 1000000000ULL
/* A flow is believed for so long after its socket was seen; then its socket is looked for again. */
#define PROVEN_NS (10 * SECOND_NS)
/* A UDP flow to a socket that serves everybody is known for so long after its last packet. */
#define SEEN_NS (30 * SECOND_NS)
/* As long as the kernel waits for the missing fragments of a packet. */
#define FRAGMENTS_NS (30 * SECOND_NS)
#define CURRENT_NETNS (-1)
#define CT_SEEN_REPLY (1 << 1)
#define CT_DIRECTION_REPLY 1

/* Set before loading: the kernel offers its connection tracking. */
const volatile bool asks_tracking = false;

volatile struct shield_control control = {
	.source_share = 1ULL << 32,
	.ephemeral_low = 32768,
	.flow_packets = ~0U,
	.quota = ~0U,
};

struct shield_slot slots[MAX_CPUS];

struct known {
	__u64 until_ns;
	__u32 proven; /* by a socket or by connection tracking, not only by having been let in */
	__u32 window;
	__u32 packets; /* in that window, when not proven */
	__u32 unused;
};

/* Full, these forget what was seen longest ago, which the kernel does not count. No flow is lost by it: one that is forgotten is proven
 * again by its socket or by connection tracking, and a source is heard anew. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct flow);
	__type(value, struct known);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct datagram);
	__type(value, __u64);
} datagrams SEC(".maps");

/* Sources that have completed a connection, which an invented address cannot: apart, so that a flood does not push them out. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u8);
} met SEC(".maps");

struct heard {
	__u32 window;
	__u32 count;
};

/* New flows per source: an IPv4 address, or the /64 of an IPv6 one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct heard);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct shield_prefix4);
	__type(value, __u8);
} allowed4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct shield_prefix6);
	__type(value, __u8);
} allowed6 SEC(".maps");

struct nf_conn {
	unsigned long status;
} __attribute__((preserve_access_index));

/* The first 12 bytes are the same in every kernel that has the call. */
struct ct_options {
	__s32 netns_id;
	__s32 error;
	__u8 protocol;
	__u8 direction;
	__u8 reserved[2];
};

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *ctx, struct bpf_sock_tuple *tuple, __u32 tuple_size,
					 struct ct_options *options, __u32 options_size) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *) __ksym __weak;

static __always_inline bool is_allowed(const struct flow *flow)
{
	if (flow->version == 4) {
		struct shield_prefix4 key = { .length_bits = 32 };

		if (!control.prefixes4)
			return false;
		__builtin_memcpy(key.address, &flow->source.words[3], sizeof(key.address));
		return bpf_map_lookup_elem(&allowed4, &key);
	}
	struct shield_prefix6 key = { .length_bits = 128 };

	if (!control.prefixes6)
		return false;
	__builtin_memcpy(key.address, &flow->source, sizeof(key.address));
	return bpf_map_lookup_elem(&allowed6, &key);
}

static __always_inline bool has_port(const volatile __u64 *ports, __be16 port)
{
	__u16 number = bpf_ntohs(port);

	return ports[number >> 6] >> (number & 63) & 1;
}

/* Upper half of the last step of splitmix64 (public domain, Vigna). */
static __always_inline __u32 mix(__u64 value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
	return (value ^ (value >> 31)) >> 32;
}

/* 0::/32 is nobody's, so an IPv4 address and a /64 are never mixed up. */
static __always_inline __u64 source_of(const struct flow *flow)
{
	return flow->version == 4 ? (__u64)flow->source.words[3] << 32
				  : (__u64)flow->source.words[1] << 32 | flow->source.words[0];
}

/* Max-min fair: every source may begin as many flows as the others, and where that is not enough, sources take turns. One
 * that has been met weighs more, and need not wait for its turn. */
static __always_inline bool within_share(const struct flow *flow)
{
	struct heard *heard;
	__u64 source = source_of(flow);
	__u64 most = (__u64)control.quota * HOSA_MET_WEIGHT, quota;
	__u32 window = control.window;
	bool known;

	/* A flooder that has had more than anybody may have is not looked up any further. */
	heard = bpf_map_lookup_elem(&sources, &source);
	if (heard && heard->window == window && heard->count >= most)
		return false;
	known = bpf_map_lookup_elem(&met, &source);
	quota = known ? most : control.quota;
	if (!known && mix(source ^ control.salt ^ (__u64)window * 0x9e3779b97f4a7c15ULL) >= control.source_share)
		return false;
	if (!heard) {
		struct heard first = { .window = window, .count = 1 };

		bpf_map_update_elem(&sources, &source, &first, BPF_ANY);
		return quota > 0;
	}
	if (heard->window != window) {
		heard->window = window;
		heard->count = 0;
	}
	return __sync_fetch_and_add(&heard->count, 1) < quota;
}

static __always_inline int new_flow(const struct flow *flow)
{
	if (control.mode != SHIELD_MODE_SHED)
		return SHIELD_DROP_REFUSED;
	return within_share(flow) ? SHIELD_NEW_FLOW : SHIELD_DROP_SHARE;
}

static __always_inline int ping(const struct flow *flow)
{
	if (!(control.keeps & SHIELD_KEEPS_PING))
		return new_flow(flow);
	return within_share(flow) ? SHIELD_PING : SHIELD_DROP_SHARE;
}

static __always_inline __u32 fill_tuple(const struct flow *flow, struct bpf_sock_tuple *tuple)
{
	if (flow->version == 4) {
		tuple->ipv4.saddr = flow->source.words[3];
		tuple->ipv4.daddr = flow->destination.words[3];
		tuple->ipv4.sport = flow->source_port;
		tuple->ipv4.dport = flow->destination_port;
		return sizeof(tuple->ipv4);
	}
	__builtin_memcpy(tuple->ipv6.saddr, &flow->source, sizeof(struct address));
	__builtin_memcpy(tuple->ipv6.daddr, &flow->destination, sizeof(struct address));
	tuple->ipv6.sport = flow->source_port;
	tuple->ipv6.dport = flow->destination_port;
	return sizeof(tuple->ipv6);
}

static __always_inline void remember(const struct flow *flow, bool proven, __u64 now_ns)
{
	struct known known = { .proven = proven, .until_ns = now_ns + (proven ? PROVEN_NS : SEEN_NS) };

	known.window = control.window;
	known.packets = 1;
	bpf_map_update_elem(&flows, flow, &known, BPF_ANY);
}

/* Whether the flow is known, without looking for its socket. */
static __always_inline bool is_known(const struct flow *flow, __u64 now_ns)
{
	struct known *known = bpf_map_lookup_elem(&flows, flow);

	if (!known || known->until_ns < now_ns)
		return false;
	if (known->proven)
		return true;
	if (known->window != control.window) {
		known->window = control.window;
		known->packets = 0;
		known->until_ns = now_ns + SEEN_NS;
	}
	/* One conversation may not be the flood. */
	return __sync_fetch_and_add(&known->packets, 1) < control.flow_packets;
}

/* Whether connection tracking knows the flow as one that was answered, or as the answer to one that began here. */
static __always_inline bool is_tracked(struct xdp_md *ctx, const struct packet *packet, struct bpf_sock_tuple *tuple)
{
	struct ct_options options = { .netns_id = CURRENT_NETNS, .protocol = packet->flow.protocol };
	__u32 size = packet->flow.version == 4 ? sizeof(tuple->ipv4) : sizeof(tuple->ipv6);
	struct nf_conn *connection;
	bool answered;

	if (!asks_tracking || !(control.keeps & SHIELD_KEEPS_TRACKED))
		return false;
	connection = bpf_xdp_ct_lookup(ctx, tuple, size, &options, sizeof(options));
	if (!connection)
		return false;
	answered = options.direction == CT_DIRECTION_REPLY ||
		   (packet->flow.protocol == IPPROTO_TCP && connection->status & CT_SEEN_REPLY);
	bpf_ct_release(connection);
	return answered;
}

/* A socket of its own, half-open or closing ones included, or the valid cookie of a SYN that was answered without one. */
static __always_inline bool has_tcp_socket(struct xdp_md *ctx, const struct packet *packet, struct bpf_sock_tuple *tuple,
					   __u32 size)
{
	struct bpf_sock *socket = bpf_skc_lookup_tcp(ctx, tuple, size, CURRENT_NETNS, 0);
	__u32 ip_size = packet->flow.version == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	void *ip, *tcp;
	__u8 yes = 1;
	bool own;

	if (!socket)
		return false;
	own = socket->state != TCP_LISTEN;
	if (socket->state == TCP_ESTABLISHED) {
		__u64 source = source_of(&packet->flow);

		bpf_map_update_elem(&met, &source, &yes, BPF_ANY);
	}
	if (!own) {
		/* A TCP header lies behind it, so there is always room for the longer of the two. */
		ip = frame_at(ctx, packet->ip_at, sizeof(struct ipv6hdr));
		tcp = frame_at(ctx, packet->transport_at, sizeof(struct tcphdr));
		own = ip && tcp && bpf_tcp_check_syncookie(socket, ip, ip_size, tcp, sizeof(struct tcphdr)) == 0;
	}
	bpf_sk_release(socket);
	return own;
}

static __always_inline int judge_tcp(struct xdp_md *ctx, const struct packet *packet, __u64 now_ns)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size;

	if (has_port(control.tcp_ports, packet->flow.destination_port))
		return SHIELD_PORT;
	if (packet->syn && !packet->ack)
		return new_flow(&packet->flow);
	if (!(control.keeps & SHIELD_KEEPS_ESTABLISHED))
		return SHIELD_DROP_REFUSED;
	if (is_known(&packet->flow, now_ns))
		return SHIELD_ESTABLISHED;
	size = fill_tuple(&packet->flow, &tuple);
	if (!has_tcp_socket(ctx, packet, &tuple, size) && !is_tracked(ctx, packet, &tuple))
		return new_flow(&packet->flow);
	remember(&packet->flow, true, now_ns);
	return SHIELD_ESTABLISHED;
}

static __always_inline bool is_dhcp(const struct flow *flow)
{
	__u16 from = bpf_ntohs(flow->source_port), to = bpf_ntohs(flow->destination_port);

	return flow->version == 4 ? from == 67 && to == 68 : from == 547 && to == 546;
}

static __always_inline int judge_udp(struct xdp_md *ctx, const struct packet *packet, __u64 now_ns)
{
	const struct flow *flow = &packet->flow;
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *socket;
	bool connected, served;
	__u32 size;
	int verdict;

	if (has_port(control.udp_ports, flow->destination_port))
		return SHIELD_PORT;
	if (is_dhcp(flow) && control.keeps & SHIELD_KEEPS_DHCP)
		return SHIELD_REPLY;
	if (!(control.keeps & (SHIELD_KEEPS_ESTABLISHED | SHIELD_KEEPS_DNS)))
		return SHIELD_DROP_REFUSED;
	if (control.keeps & SHIELD_KEEPS_ESTABLISHED && is_known(flow, now_ns))
		return SHIELD_ESTABLISHED;

	size = fill_tuple(flow, &tuple);
	socket = bpf_sk_lookup_udp(ctx, &tuple, size, CURRENT_NETNS, 0);
	served = socket;
	connected = false;
	if (socket) {
		connected = socket->state == TCP_ESTABLISHED;
		bpf_sk_release(socket);
	}
	if (control.keeps & SHIELD_KEEPS_ESTABLISHED && (connected || is_tracked(ctx, packet, &tuple))) {
		remember(flow, true, now_ns);
		return SHIELD_ESTABLISHED;
	}
	if (control.keeps & SHIELD_KEEPS_DNS && served && flow->source_port == bpf_htons(53) &&
	    bpf_ntohs(flow->destination_port) >= control.ephemeral_low)
		return SHIELD_REPLY;
	verdict = new_flow(flow);
	if (verdict == SHIELD_NEW_FLOW)
		remember(flow, false, now_ns);
	return verdict;
}

static __always_inline int judge_icmp(const struct packet *packet)
{
	bool keeps = control.keeps & SHIELD_KEEPS_ESTABLISHED;

	switch (packet->type) {
	case ICMP_UNREACHABLE:
		/* Path MTU discovery: without it whatever remains would stall. */
		if (packet->code == ICMP_FRAGMENTATION_NEEDED)
			return SHIELD_LINK;
		return keeps ? SHIELD_REPLY : SHIELD_DROP_REFUSED;
	case ICMP_ECHO_REPLY:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER_PROBLEM:
		return keeps ? SHIELD_REPLY : SHIELD_DROP_REFUSED;
	case ICMP_ECHO_REQUEST:
		return ping(&packet->flow);
	default:
		return new_flow(&packet->flow);
	}
}

static __always_inline int judge_icmp6(const struct packet *packet)
{
	bool keeps = control.keeps & SHIELD_KEEPS_ESTABLISHED;

	switch (packet->type) {
	case 133 ... 137: /* router and neighbour discovery never crosses a router (RFC 4861) */
		return packet->hop_limit == 255 ? SHIELD_LINK : SHIELD_DROP_MALFORMED;
	case 130 ... 132: /* multicast listeners */
	case 143:
	case ICMP6_PACKET_TOO_BIG:
		return SHIELD_LINK;
	case ICMP6_UNREACHABLE:
	case ICMP6_TIME_EXCEEDED:
	case ICMP6_PARAMETER_PROBLEM:
	case ICMP6_ECHO_REPLY:
		return keeps ? SHIELD_REPLY : SHIELD_DROP_REFUSED;
	case ICMP6_ECHO_REQUEST:
		return ping(&packet->flow);
	default:
		return new_flow(&packet->flow);
	}
}

static __always_inline int judge_protocol(struct xdp_md *ctx, const struct packet *packet, __u64 now_ns)
{
	bool four = packet->flow.version == 4;

	if (is_allowed(&packet->flow))
		return SHIELD_ALLOWED;
	switch (packet->flow.protocol) {
	case IPPROTO_TCP:
		return judge_tcp(ctx, packet, now_ns);
	case IPPROTO_UDP:
		return judge_udp(ctx, packet, now_ns);
	case IPPROTO_ICMP:
		return four ? judge_icmp(packet) : SHIELD_DROP_MALFORMED;
	case PROTOCOL_ICMPV6:
		return four ? SHIELD_DROP_MALFORMED : judge_icmp6(packet);
	case IPPROTO_IGMP:
	case PROTOCOL_EIGRP:
	case PROTOCOL_OSPF:
	case PROTOCOL_PIM:
	case PROTOCOL_VRRP:
		return SHIELD_LINK;
	default:
		return control.mode == SHIELD_MODE_SHED ? SHIELD_UNJUDGED : SHIELD_DROP_REFUSED;
	}
}

static __always_inline void name_datagram(const struct packet *packet, struct datagram *datagram)
{
	datagram->source = packet->flow.source;
	datagram->destination = packet->flow.destination;
	datagram->id = packet->id;
	/* What follows the fragment header of IPv6 is another header in the first fragment than in the later ones, and no part of its name. */
	datagram->protocol = packet->flow.version == 6 ? 0 : packet->flow.protocol;
	datagram->version = packet->flow.version;
}

/* A later fragment has no ports to be judged by, and without the first it can never be put together: it shares its fate. */
static __always_inline int judge_later(const struct packet *packet, __u64 now_ns)
{
	struct datagram datagram = {};
	__u64 *until_ns;

	if (is_allowed(&packet->flow))
		return SHIELD_ALLOWED;
	name_datagram(packet, &datagram);
	until_ns = bpf_map_lookup_elem(&datagrams, &datagram);
	return until_ns && *until_ns >= now_ns ? SHIELD_FRAGMENT : SHIELD_DROP_FRAGMENT;
}

__noinline int judge_ip(struct xdp_md *ctx, const struct packet *read, __u64 now_ns)
{
	struct packet copy, *packet = &copy;
	int verdict;

	if (!read)
		return SHIELD_DROP_MALFORMED;
	/* Kernels before 6.2 take keys of maps from the stack only, and the argument of a global function is not there. */
	copy = *read;
	if (packet->later)
		return judge_later(packet, now_ns);
	verdict = judge_protocol(ctx, packet, now_ns);
	if (packet->more && verdict < SHIELD_DROP_MALFORMED) {
		__u64 until_ns = now_ns + FRAGMENTS_NS;
		struct datagram datagram = {};

		name_datagram(packet, &datagram);
		bpf_map_update_elem(&datagrams, &datagram, &until_ns, BPF_ANY);
	}
	return verdict;
}

static __always_inline int judge(struct xdp_md *ctx, __u64 now_ns)
{
	struct packet packet = { .left = bpf_xdp_get_buff_len(ctx) };
	struct ethhdr *ethernet = take(ctx, &packet, sizeof(*ethernet));
	__be16 ethertype;
	bool read;

	if (!ethernet)
		return SHIELD_DROP_MALFORMED;
	ethertype = ethernet->h_proto;
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct vlan_tag *tag;

		if (ethertype != bpf_htons(ETH_P_8021Q) && ethertype != bpf_htons(ETH_P_8021AD))
			break;
		tag = take(ctx, &packet, sizeof(*tag));
		if (!tag)
			return SHIELD_DROP_MALFORMED;
		ethertype = tag->protocol;
	}
	if (ethertype == bpf_htons(ETH_P_IP))
		read = read_ipv4(ctx, &packet);
	else if (ethertype == bpf_htons(ETH_P_IPV6))
		read = read_ipv6(ctx, &packet);
	else if (is_link_control(ethertype))
		return SHIELD_LINK;
	else
		return control.mode == SHIELD_MODE_ISOLATE ? SHIELD_DROP_REFUSED : SHIELD_UNJUDGED;
	if (!read || !(packet.later || read_transport(ctx, &packet)))
		return SHIELD_DROP_MALFORMED;
	return judge_ip(ctx, &packet, now_ns);
}

static __always_inline int admit(struct xdp_md *ctx)
{
	int verdict = SHIELD_OPEN;

	if (control.mode != SHIELD_MODE_OPEN) {
		__u64 now_ns = bpf_ktime_get_coarse_ns();
		__u64 lease_ns = control.lease_ns;

		if (!lease_ns || now_ns < lease_ns)
			verdict = judge(ctx, now_ns);
	}
	slots[bpf_get_smp_processor_id() & (MAX_CPUS - 1)].packets[verdict & 15]++;
	return verdict < SHIELD_DROP_MALFORMED ? XDP_PASS : XDP_DROP;
}

/* With frags: attaches where frames are larger than a page, too. */
SEC("xdp.frags")
int shield(struct xdp_md *ctx)
{
	return admit(ctx);
}

char LICENSE[] SEC("license") = "GPL";
