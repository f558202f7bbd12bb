// Where cases come from: epochs that fit together, draws that depend on nothing but their index, and focus.
#include "fuzzer/campaign/case_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/journal.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

using ::testing::HasSubstr;

TEST(Epochs, EveryIndexLiesInTheEpochThatBeginsBeforeIt) {
  ASSERT_EQ(epoch_first(0), 0u);
  for (std::uint64_t index = 0; index < 20000; ++index) {
    const std::uint64_t e = epoch_of(index);
    ASSERT_LE(epoch_first(e), index);
    ASSERT_LT(index, epoch_first(e + 1));
  }
}

TEST(Epochs, ASnapshotEndsWhereTheEpochBeforeTheLastOneDoes) {
  EXPECT_EQ(snapshot_end(0), 0u);
  EXPECT_EQ(snapshot_end(1), 0u);
  for (std::uint64_t index = 0; index < 20000; ++index) {
    const std::uint64_t e = epoch_of(index), end = snapshot_end(e);
    if (e < 2) continue;
    ASSERT_EQ(epoch_of(end - 1), e - 2);
    ASSERT_EQ(epoch_of(end), e - 1);
  }
}

// Batches of 16 must not lie across the end of an epoch: they would be judged by two snapshots.
TEST(Epochs, AreWholeBatches) {
  for (std::uint64_t e = 0; e < 20; ++e) EXPECT_EQ(epoch_first(e) % 16, 0u);
}

std::string bytes(const std::optional<Drawn>& d) {
  if (!d) return "nothing";
  return d->source + "|" + d->motif + "|" + join(d->broken_guards, ",") + "|" +
         (d->thorough ? "thorough|" : "|") + pack(d->c);
}

Snapshot snapshot_with_seeds() {
  Snapshot s;
  for (std::uint64_t i = 1000; s.pool.size() < 20; ++i)
    if (auto d = draw_case(5, i, {}, {}))
      s.pool.push_back({"case " + std::to_string(i), std::make_shared<const Case>(std::move(d->c))});
  return s;
}

double weight_of(const std::vector<double>& weights, const std::string& motif) {
  for (std::size_t i = 0; i < all_motifs().size(); ++i)
    if (all_motifs()[i]->name == motif) return weights[i];
  ADD_FAILURE() << "no motif " << motif;
  return 0;
}

TEST(MotifWeights, RiseWhereAnOptimizerWasRarelyApplied) {
  const Policy policy;
  Snapshot s;
  for (double w : motif_weights(s, policy)) EXPECT_EQ(w, 1) << "nothing is known yet";
  s.cases = 100000;  // 400 of them are wanted of each
  for (const Motif* m : all_motifs())
    for (const std::string& aim : split(m->aims_at, ';')) s.applied[aim] = 400;
  for (double w : motif_weights(s, policy)) EXPECT_EQ(w, 1) << "all are applied often enough";
  s.applied["DivMulFusion"] = 199;
  EXPECT_EQ(weight_of(motif_weights(s, policy), "div-mul"), 2);
  s.applied["DivMulFusion"] = 0;
  EXPECT_EQ(weight_of(motif_weights(s, policy), "div-mul"), policy.most_boost);
  EXPECT_EQ(weight_of(motif_weights(s, policy), "gelu"), 1);
}

TEST(DrawCase, AimsAtWhatIsRarelyApplied) {
  SourceOptions options;
  Policy& p = options.generator.policy;
  p.mutant = p.random = p.derived = 0;
  Snapshot s;
  for (const Motif* m : all_motifs()) s.motif_weights.push_back(m->name == "div-mul" ? 1 : 0);
  for (std::uint64_t i = 0; i < 20; ++i) EXPECT_EQ(draw_case(1, i, options, s).value().motif, "div-mul");
}

TEST(DrawCase, IsAFunctionOfSeedIndexAndSnapshot) {
  const SourceOptions options;
  const Snapshot snapshot = snapshot_with_seeds();
  std::vector<std::string> first(150), second(150);
  for (std::uint64_t i = 0; i < first.size(); ++i) first[i] = bytes(draw_case(5, i, options, snapshot));
  // Backwards, and in a thread that never drew before.
  std::thread([&] {
    for (std::uint64_t i = second.size(); i-- > 0;) second[i] = bytes(draw_case(5, i, options, snapshot));
  }).join();
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i], second[i]) << "case " << i;
}

TEST(DrawCase, SeedIndexAndSnapshotAllMatter) {
  const SourceOptions options;
  const Snapshot none, snapshot = snapshot_with_seeds();
  std::set<std::string> all;
  int by_seed = 0, by_snapshot = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::string one = bytes(draw_case(5, i, options, none));
    all.insert(one);
    by_seed += one != bytes(draw_case(6, i, options, none));
    by_snapshot += one != bytes(draw_case(5, i, options, snapshot));
  }
  EXPECT_GE(all.size(), 99u);
  EXPECT_GE(by_seed, 99);
  EXPECT_GT(by_snapshot, 5);   // mutants of its seeds
  EXPECT_LT(by_snapshot, 60);  // all others are as they were
}

// Other sizes of symbolic dimensions are a function of the same.
TEST(DrawCase, BindingsAreReproducible) {
  SourceOptions options;
  options.generator.policy.symbolic = options.generator.policy.bindings = 1;
  std::size_t bound = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto a = draw_case(5, i, options, {}), b = draw_case(5, i, options, {});
    if (!a || !b) continue;
    ASSERT_EQ(a->c.bindings.size(), b->c.bindings.size());
    bound += !a->c.bindings.empty();
    for (std::size_t k = 0; k < a->c.bindings.size(); ++k)
      for (const auto& [name, tensor] : a->c.bindings[k])
        EXPECT_TRUE(tensor.identical(b->c.bindings[k].at(name))) << i << " " << name;
    if (a->flat != nullptr) {
      for (const Inputs& inputs : a->flat->bindings) EXPECT_EQ(inputs.size(), a->flat->inputs.size());
    }
  }
  EXPECT_GT(bound, 10u);
}

TEST(DrawCase, EverySourceTakesPart) {
  const Snapshot snapshot = snapshot_with_seeds();
  std::map<std::string, int> sources;
  int thorough = 0;
  for (std::uint64_t i = 0; i < 300; ++i)
    if (const auto d = draw_case(5, i, {}, snapshot)) {
      ++sources[d->source];
      thorough += d->thorough;
    }
  EXPECT_EQ(sources.size(), 4u);
  for (const auto& [source, n] : sources) EXPECT_GT(n, 20) << source;
  EXPECT_GT(thorough, 30);
  EXPECT_LT(thorough, 120);
}

SourceOptions focused(const std::string& words) {
  SourceOptions o;
  o.focus = parse_focus(words);
  return o;
}

TEST(FocusTest, OnAMotifGivesThatMotif) {
  const std::string name(all_motifs().front()->name);
  const SourceOptions options = focused("motif:" + name);
  int drawn = 0;
  for (std::uint64_t i = 0; i < 60; ++i)
    if (const auto d = draw_case(1, i, options, {})) {
      EXPECT_EQ(d->motif, name);
      ++drawn;
    }
  EXPECT_GT(drawn, 50);
}

TEST(FocusTest, OnAnOperatorGivesModelsWithIt) {
  const SourceOptions options = focused("operator:Softmax");
  const Snapshot snapshot = snapshot_with_seeds();
  int drawn = 0;
  for (std::uint64_t i = 0; i < 60; ++i)
    if (const auto d = draw_case(1, i, options, snapshot)) {
      const auto& nodes = (d->flat ? *d->flat : d->c).model.graph.nodes;  // a function hides them
      EXPECT_TRUE(std::any_of(nodes.begin(), nodes.end(), [](const Node& n) {
        return n.op_type == "Softmax";
      })) << i;
      ++drawn;
    }
  EXPECT_GT(drawn, 50);
}

TEST(FocusTest, OnAPassGivesMostlyMotifsThatAimAtIt) {
  const std::string pass = split(all_motifs().front()->aims_at, ';').front();
  const SourceOptions options = focused("pass:" + pass);
  int aimed = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto d = draw_case(1, i, options, {});
    if (!d || d->motif.empty() || d->source != "motif") continue;
    const auto aims = split(find_motif(d->motif)->aims_at, ';');
    aimed += std::find(aims.begin(), aims.end(), pass) != aims.end();
  }
  EXPECT_GT(aimed, 36);
}

TEST(FocusTest, ErrorsNameTheWords) {
  for (const std::string words : {"", "pass", "pass:", "motif:", "operator:", "thing:Relu", "pass:NoSuchPass",
                                  "operator:NoSuchOperator", "motif:no-such-motif", ":", "Relu"}) {
    const std::string said = complaint<UserError>([&] { parse_focus(words); });
    EXPECT_THAT(said, HasSubstr("--focus " + words));
  }
}

TEST(SourceOptionsHash, CoversWhatACaseDependsOn) {
  std::set<std::uint64_t> hashes;
  SourceOptions o;
  hashes.insert(o.hash());
  EXPECT_EQ(SourceOptions().hash(), o.hash());
  o.generator.policy.mutant = 0;
  hashes.insert(o.hash());
  o.generator.max_opset = 17;
  hashes.insert(o.hash());
  o.focus.op = "Relu";
  hashes.insert(o.hash());
  o.focus = {.motif = "Relu"};
  hashes.insert(o.hash());
  o.corpus = snapshot_with_seeds().pool;
  hashes.insert(o.hash());
  std::swap(o.corpus, o.motifs);
  hashes.insert(o.hash());
  o.motifs.pop_back();
  hashes.insert(o.hash());
  Support support;
  o.generator.support = &support;
  support.types[{"Relu", 14}] = {};
  support.refused[7] = 3;
  hashes.insert(o.hash());
  EXPECT_EQ(hashes.size(), 9u);
}

}  // namespace
}  // namespace mob
