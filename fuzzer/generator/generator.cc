#include "fuzzer/generator/generator.h"

#include <algorithm>
#include <utility>

#include "fuzzer/generator/grow.h"

namespace mob {
namespace {

constexpr int kAttempts = 12;  // at the first node

int draw_opset(Rng& rng, const GeneratorOptions& o, int least, int most) {
  least = std::max(9, least);
  most = std::min(most, o.max_opset);
  if (least > most) throw CannotDraft{};
  return rng.chance(o.policy.newest_opset) ? most : static_cast<int>(rng.range(least, most));
}

struct Triple {
  const OpSpec* op;
  DType type;
  int since;
  int until;  // last opset of the form
};

// Every supported (operator, type, opset form), in a fixed order.
std::vector<Triple> triples(const GeneratorOptions& o) {
  std::vector<Triple> list;
  for (const OpSpec* op : all_ops()) {
    if (op->draft == nullptr) continue;
    const std::vector<int> starts = forms(op->name, std::max(9, op->since), o.max_opset, op->domain);
    for (std::size_t f = 0; f < starts.size(); ++f) {
      const int since = std::max({9, op->since, starts[f]});
      const int until = f + 1 < starts.size() ? starts[f + 1] - 1 : o.max_opset;
      const Schema* form = schema(op->name, since, op->domain);
      if (form == nullptr || form->deprecated || since > until) continue;
      const DTypeSet types = o.support != nullptr   ? o.support->of(form->name, form->since)
                             : form->inputs.empty() ? DTypeSet(DType::kFloat)
                                                    : form->inputs.front().types;
      for (DType t : types.list()) list.push_back({op, t, since, until});
    }
  }
  return list;
}

// The list is the same for every case of a campaign: made once per thread.
const std::vector<Triple>& cached_triples(const GeneratorOptions& o) {
  thread_local std::vector<Triple> list;
  thread_local std::pair<std::uint64_t, int> of;
  const std::pair now(o.support != nullptr ? o.support->id : 0, o.max_opset);
  if (of != now) {
    list = triples(o);
    of = now;
  }
  return list;
}

std::vector<std::string_view> draw_broken(Rng& rng, const Policy& p, const Motif& motif,
                                          std::optional<int> how_many) {
  std::size_t n = how_many ? static_cast<std::size_t>(*how_many) : rng.weighted(p.broken_guards);
  std::vector<std::string_view> broken;
  const auto common = common_guards();
  n = std::min(n, motif.guards.size() + common.size());
  while (broken.size() < n) {
    const bool own = !motif.guards.empty() && rng.chance(p.own_guard);
    const std::string_view name = own ? rng.pick(motif.guards).name : rng.pick(common).name;
    if (std::find(broken.begin(), broken.end(), name) == broken.end()) broken.push_back(name);
  }
  return broken;
}

}  // namespace

std::optional<Generated> generate_graph(Rng& rng, const GeneratorOptions& options, const Aim& aim) try {
  const Policy& p = options.policy;
  Triple first{aim.op, aim.type.value_or(DType::kUndefined), 9, options.max_opset};
  if (aim.op == nullptr) {
    const auto& list = cached_triples(options);
    if (list.empty()) return std::nullopt;
    first = rng.pick(list);
    if (aim.opset != 0 && (aim.opset < first.since || aim.opset > first.until)) return std::nullopt;
  } else {
    first.since = std::max(9, aim.op->since);
  }
  Generated g;
  g.special = rng.chance(p.special);
  BuildOptions build{.opset = aim.opset, .support = options.support, .special = g.special, .random = false};
  if (aim.opset == 0)
    build.opset = rng.chance(p.newest_opset) && first.until == options.max_opset
                      ? options.max_opset
                      : static_cast<int>(rng.range(first.since, first.until));
  build.random = rng.chance(p.random_operators);
  Builder b(rng, p, build);
  const int nodes = aim.nodes > 0         ? aim.nodes
                    : rng.chance(p.large) ? static_cast<int>(rng.range(1, p.max_nodes))
                                          : std::min(p.max_nodes, 1 + geometric(rng, p.mean_nodes));
  const std::optional<DType> type =
      first.type == DType::kUndefined ? std::nullopt : std::optional(first.type);
  bool added = false;
  for (int attempt = 0; attempt < kAttempts && !added; ++attempt)
    added = b.draw_node(*first.op, {.first_type = type});
  if (!added) return std::nullopt;
  if (rng.chance(p.control_flow)) {
    const auto before = static_cast<int>(rng.below(static_cast<std::uint64_t>(nodes)));
    grow(b, before);
    draw_control_flow(b);
    grow(b, nodes - 1 - before);
  } else {
    grow(b, nodes - 1);
  }
  g.c = b.take();
  g.c.lineage = {"random graph"};
  return g;
} catch (const CannotDraft&) {
  return std::nullopt;
}

std::optional<Generated> generate_motif(Rng& rng, const GeneratorOptions& options, const Aim& aim) try {
  const Policy& p = options.policy;
  const Motif& motif = aim.motif != nullptr ? *aim.motif : *rng.pick(all_motifs());
  Generated g;
  g.special = rng.chance(p.special);
  g.motif = motif.name;
  BuildOptions build{.opset = aim.opset != 0 ? aim.opset : draw_opset(rng, options, motif.since, motif.until),
                     .support = options.support,
                     .special = g.special,
                     .random = rng.chance(p.random_operators)};
  Builder b(rng, p, build);
  const bool planted = aim.planted.value_or(rng.chance(p.planted));
  if (planted) grow(b, geometric(rng, p.mean_prefix));
  MotifBuilder m(b, motif, draw_broken(rng, p, motif, aim.broken_guards), planted);
  motif.build(m);
  g.broken_guards = m.finish();
  if (planted) grow(b, geometric(rng, p.mean_suffix));
  g.c = b.take();
  g.c.lineage = {"motif " + g.motif};
  return g;
} catch (const CannotDraft&) {
  return std::nullopt;
}

std::optional<Generated> plant(Rng& rng, const GeneratorOptions& options, const Case& motif) try {
  const Policy& p = options.policy;
  Builder b(rng, p, {.opset = static_cast<int>(motif.model.opset()), .support = options.support});
  grow(b, geometric(rng, p.mean_prefix));
  std::vector<ValueId> feeds;
  for (ValueId v : motif.model.graph.inputs) {
    ValueId feed = kNoValue;
    const auto given = motif.inputs.find(motif.model.graph[v].name);
    if (given != motif.inputs.end() && rng.chance(p.fed)) {
      std::vector<ValueId> fits;
      for (std::size_t x = 0; x < b.graph().values.size(); ++x)
        if (b.type(static_cast<ValueId>(x)) == given->second.type()) fits.push_back(static_cast<ValueId>(x));
      if (!fits.empty()) feed = rng.pick(fits);
    }
    feeds.push_back(feed);
  }
  for (ValueId v : b.embed(motif, feeds))
    if (rng.chance(0.5)) b.expose(v);
  grow(b, geometric(rng, p.mean_suffix));
  Generated g;
  g.c = b.take();
  g.c.lineage = motif.lineage;
  g.c.lineage.emplace_back("planted");
  return g;
} catch (const CannotDraft&) {
  return std::nullopt;
}

}  // namespace mob
