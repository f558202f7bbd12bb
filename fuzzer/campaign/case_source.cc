#include "fuzzer/campaign/case_source.h"

#include <algorithm>
#include <array>

#include "fuzzer/base/hash.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "mutators/mutator.h"
#include "mutators/sizes.h"

namespace mob {
namespace {

constexpr int kAttempts = 40;
constexpr int kBindings = 2;  // beside a case's own
// The first epochs; the last size holds for all that follow.
constexpr std::array<std::uint64_t, 5> kEpochs = {128, 128, 256, 512, 1024};

std::uint64_t mix(std::uint64_t h, std::string_view words) {
  return hash64(words, h);
}

std::vector<const Motif*> motifs_aiming_at(const std::string& pass) {
  std::vector<const Motif*> list;
  for (const Motif* m : all_motifs())
    for (const std::string& aim : split(m->aims_at, ';'))
      if (aim == pass) list.push_back(m);
  return list;
}

bool has_operator(const Case& c, const std::string& op) {
  return std::any_of(c.model.graph.nodes.begin(), c.model.graph.nodes.end(),
                     [&](const Node& n) { return n.op_type == op; });
}

Drawn from(Generated g, std::string source) {
  return {std::move(g.c), std::move(source), std::move(g.motif), std::move(g.broken_guards)};
}

std::optional<Drawn> draw_mutant(Rng& rng, const SourceOptions& o, const Snapshot& snapshot) {
  const Policy& p = o.generator.policy;
  const Support* support = o.generator.support;
  // The user's models, motifs given as text, interesting cases, a fresh motif (a fresh random graph where no
  // motifs are wanted).
  const std::array<double, 4> weights = {o.corpus.empty() ? 0.0 : 3, o.motifs.empty() ? 0.0 : 3,
                                         snapshot.pool.empty() ? 0.0 : 3, 1};
  const auto kind = rng.weighted(weights);
  if (kind == 1) {
    const Seed& seed = rng.pick(o.motifs);
    std::optional<Case> c = *seed.c;
    const auto broken = rng.weighted(p.broken_guards);
    Drawn drawn;
    if (broken > 0) {
      c = mutated(*seed.c, rng, broken > 1 ? 1 : 0, support);
      if (!c) return std::nullopt;
      drawn.broken_guards.assign(c->lineage.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                          seed.c->lineage.size(), c->lineage.size())),
                                 c->lineage.end());
    }
    if (rng.chance(p.planted)) {
      auto planted = plant(rng, o.generator, *c);
      if (!planted) return std::nullopt;
      c = std::move(planted->c);
    }
    drawn.c = std::move(*c);
    drawn.source = "text motif";
    drawn.motif = seed.name;
    return drawn;
  }
  std::shared_ptr<const Case> seed;
  Drawn drawn;
  if (kind == 3) {
    auto g =
        p.motif > 0 ? generate_motif(rng, o.generator, {.planted = false}) : generate_graph(rng, o.generator);
    if (!g) return std::nullopt;
    drawn.motif = g->motif;
    drawn.broken_guards = g->broken_guards;
    seed = std::make_shared<const Case>(std::move(g->c));
  } else {
    seed = rng.pick(kind == 0 ? o.corpus : snapshot.pool).c;
  }
  std::optional<Case> c;
  if (rng.chance(p.splice)) {
    const auto other = kind == 0 && rng.chance(0.5) ? rng.pick(o.corpus).c
                       : snapshot.pool.empty()      ? nullptr
                                                    : rng.pick(snapshot.pool).c;
    if (other == nullptr) return std::nullopt;
    c = spliced(*seed, *other, rng, support);
    if (c && rng.chance(0.5)) c = mutated(*c, rng, p.more_mutations, support);
  } else {
    c = mutated(*seed, rng, p.more_mutations, support);
  }
  if (!c) return std::nullopt;
  drawn.c = std::move(*c);
  drawn.source = "mutant";
  return drawn;
}

std::optional<Drawn> draw_fresh(Rng& rng, const SourceOptions& o, const Snapshot& snapshot);

// A case of the user's corpus, an interesting one, or a fresh one, optimized.
std::optional<Drawn> draw_derived(Rng& rng, const SourceOptions& o, const Snapshot& snapshot) {
  const std::array<double, 3> weights = {o.corpus.empty() ? 0.0 : 1, snapshot.pool.empty() ? 0.0 : 1, 3};
  Drawn drawn;
  switch (rng.weighted(weights)) {
    case 0:
      drawn.c = *rng.pick(o.corpus).c;
      break;
    case 1:
      drawn.c = *rng.pick(snapshot.pool).c;
      break;
    default: {
      auto parent = draw_fresh(rng, o, snapshot);
      if (!parent) return std::nullopt;
      drawn = std::move(*parent);
    }
  }
  auto d = derived(drawn.c, rng, o.generator.policy.more_rewrites, o.generator.support);
  if (!d) return std::nullopt;
  drawn.c = std::move(d->c);
  drawn.steps = std::move(d->steps);
  drawn.source = "derived";
  return drawn;
}

std::optional<Drawn> draw_once(Rng& rng, const SourceOptions& o, const Snapshot& snapshot) {
  const Policy& p = o.generator.policy;
  if (!o.focus.motif.empty()) {
    auto g = generate_motif(rng, o.generator, {.motif = find_motif(o.focus.motif)});
    return g ? std::optional(from(std::move(*g), "motif")) : std::nullopt;
  }
  if (!o.focus.op.empty()) {
    if (rng.chance(p.mutant)) {
      auto d = draw_mutant(rng, o, snapshot);
      return d && has_operator(d->c, o.focus.op) ? std::move(d) : std::nullopt;
    }
    auto g = generate_graph(rng, o.generator, {.op = find_op(o.focus.op)});
    return g ? std::optional(from(std::move(*g), "graph")) : std::nullopt;
  }
  if (!o.focus.pass.empty()) {
    const auto motifs = motifs_aiming_at(o.focus.pass);
    if (!motifs.empty() && rng.chance(0.8)) {
      auto g = generate_motif(rng, o.generator, {.motif = rng.pick(motifs)});
      return g ? std::optional(from(std::move(*g), "motif")) : std::nullopt;
    }
  }
  return rng.chance(p.derived / (p.motif + p.mutant + p.random + p.derived)) ? draw_derived(rng, o, snapshot)
                                                                             : draw_fresh(rng, o, snapshot);
}

// Of one of the sources that need no parent.
std::optional<Drawn> draw_fresh(Rng& rng, const SourceOptions& o, const Snapshot& snapshot) {
  const Policy& p = o.generator.policy;
  const std::array<double, 3> weights = {p.motif, p.mutant, p.random};
  switch (rng.weighted(weights)) {
    case 0: {
      const Motif* motif =
          snapshot.motif_weights.empty() ? nullptr : all_motifs()[rng.weighted(snapshot.motif_weights)];
      auto g = generate_motif(rng, o.generator, {.motif = motif});
      return g ? std::optional(from(std::move(*g), "motif")) : std::nullopt;
    }
    case 1:
      return draw_mutant(rng, o, snapshot);
    default: {
      auto g = generate_graph(rng, o.generator);
      return g ? std::optional(from(std::move(*g), "graph")) : std::nullopt;
    }
  }
}

// An earlier form of a case at the case's further bindings. What the case has inputs of its own for is left
// out; where an input is missing, the earlier form has none of them.
std::shared_ptr<const Case> bound_as(const Case& c, const Case& earlier) {
  auto bound = std::make_shared<Case>(earlier);
  bound->bindings = c.bindings;
  for (Inputs& inputs : bound->bindings) {
    std::erase_if(inputs, [&](const auto& given) { return !earlier.inputs.contains(given.first); });
    if (inputs.size() != earlier.inputs.size()) return std::make_shared<const Case>(earlier);
  }
  return bound;
}

void bind_further(Drawn& drawn, Rng& rng) {
  drawn.bindings = draw_bindings(drawn.c, rng, kBindings);
  if (drawn.c.bindings.empty()) return;
  if (drawn.flat != nullptr) drawn.flat = bound_as(drawn.c, *drawn.flat);
  for (Derivation& step : drawn.steps) step.parent = bound_as(drawn.c, *step.parent);
}

}  // namespace

std::string signature_of(Symptom symptom, const std::vector<std::string>& cures,
                         const std::vector<std::string>& operators) {
  return std::string(name(symptom)) + "|" + join(cures, ";") + "|" + join(operators, " ");
}

std::uint64_t Snapshot::hash() const {
  std::uint64_t h = 1;
  for (const Group& g : groups) h = mix(h, g.signature);
  for (const Seed& s : pool) h = mix(h, s.name);
  for (std::uint64_t x : seen) h = mix(h, hex64(x));
  for (const auto& [optimizer, n] : applied) h = mix(h + n, optimizer);
  return h;
}

std::vector<double> motif_weights(const Snapshot& s, const Policy& p) {
  const auto boost = [&](const std::string& optimizer) {
    const auto at = s.applied.find(optimizer);
    const double seen = at == s.applied.end() ? 0 : static_cast<double>(at->second);
    const double wanted = p.rarely_applied * static_cast<double>(s.cases);
    return wanted < 1 ? 1.0 : std::clamp(wanted / (seen + 1), 1.0, p.most_boost);
  };
  std::vector<double> weights;
  for (const Motif* m : all_motifs()) {
    double most = 1;
    for (const std::string& aim : split(m->aims_at, ';')) most = std::max(most, boost(aim));
    weights.push_back(most);
  }
  return weights;
}

std::uint64_t epoch_first(std::uint64_t epoch) {
  std::uint64_t first = 0;
  for (std::uint64_t e = 0; e < epoch; ++e) {
    if (e >= kEpochs.size()) return first + (epoch - e) * 2 * kEpochs.back();
    first += kEpochs[e];
  }
  return first;
}

std::uint64_t epoch_of(std::uint64_t index) {
  std::uint64_t epoch = 0;
  while (epoch < kEpochs.size() && epoch_first(epoch + 1) <= index) ++epoch;
  if (epoch < kEpochs.size()) return epoch;
  return epoch + (index - epoch_first(epoch)) / (2 * kEpochs.back());
}

std::uint64_t snapshot_end(std::uint64_t epoch) {
  return epoch < 1 ? 0 : epoch_first(epoch - 1);
}

Focus parse_focus(const std::string& words) {
  Focus f;
  const auto colon = words.find(':');
  const std::string kind = words.substr(0, colon);
  const std::string what = colon == std::string::npos ? "" : words.substr(colon + 1);
  if (kind == "pass" && !what.empty()) {
    f.pass = what;
    if (motifs_aiming_at(what).empty())
      throw UserError("--focus " + words + ": no motif aims at this pass (see `mobster list motifs`)");
  } else if (kind == "operator" && !what.empty()) {
    f.op = what;
    if (find_op(what) == nullptr || find_op(what)->draft == nullptr)
      throw UserError("--focus " + words + ": no such operator is generated (see `mobster list operators`)");
  } else if (kind == "motif" && !what.empty()) {
    f.motif = what;
    if (find_motif(what) == nullptr)
      throw UserError("--focus " + words + ": no such motif (see `mobster list motifs`)");
  } else {
    throw UserError("--focus " + words + ": write it as pass:NAME, operator:NAME or motif:NAME");
  }
  return f;
}

std::uint64_t SourceOptions::hash() const {
  // The rest of the policy belongs to the version.
  const Policy& p = generator.policy;
  std::uint64_t h = mix(
      static_cast<std::uint64_t>(generator.max_opset),
      join({version(), focus.pass, focus.op, focus.motif, std::to_string(p.motif), std::to_string(p.mutant),
            std::to_string(p.random), std::to_string(p.derived), std::to_string(enlarged)},
           "|"));
  for (const auto* seeds : {&corpus, &motifs}) {
    h = mix(h, std::to_string(seeds->size()));  // models of one kind are not the same as of the other
    for (const Seed& s : *seeds) h = mix(mix(h, s.name), serialize(s.c->model));
  }
  if (generator.support != nullptr) {
    for (const auto& [key, types] : generator.support->types)
      for (DType t : types.list()) h = mix(h, key.first + std::to_string(key.second) + std::string(name(t)));
    for (const auto& [signature, opsets] : generator.support->refused)
      h = mix(mix(h, hex64(signature)), hex64(opsets));
  }
  return h;
}

std::optional<Drawn> draw_case(std::uint64_t seed, std::uint64_t index, const SourceOptions& options,
                               const Snapshot& snapshot) {
  Rng rng(seed, index);
  const bool thorough = rng.chance(options.generator.policy.thorough);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Rng fork = rng.fork(static_cast<std::uint64_t>(attempt));
    if (auto drawn = draw_once(fork, options, snapshot)) {
      // What a mutator promised of a derived case is told of flat ones.
      if (drawn->steps.empty() && fork.chance(options.generator.policy.nested))
        if (auto inner = nested(drawn->c, fork)) {
          drawn->flat = std::make_shared<const Case>(std::move(drawn->c));
          drawn->c = std::move(*inner);
        }
      if (drawn->steps.empty() && drawn->flat == nullptr && options.enlarged > 0 &&
          fork.chance(options.enlarged))
        if (auto large = mutators::enlarged(drawn->c, fork, options.generator.support))
          drawn->c = std::move(*large);
      if (fork.chance(options.generator.policy.bindings)) bind_further(*drawn, fork);
      drawn->thorough = thorough;
      return drawn;
    }
  }
  return std::nullopt;
}

}  // namespace mob
