// mobster mutate MODEL --with prune-channels:sparsity=0.5,quantize-static -o OUT: a model optimized by our
// own mutators, step by step, each of them held to its promise.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "corpus/models.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/weight_bytes.h"
#include "mutators/mutator.h"
#include "mutators/old_initializers.h"
#include "mutators/why_not_in_opset.h"
#include "oracles/promises.h"

namespace mob::cli {
namespace {

struct Words {
  std::string model, out;
  std::vector<std::string> with;
  std::uint64_t seed = 1;
  std::int64_t external = 0;  // least bytes of an initializer that leaves the model's file; 0: not asked for
  bool some = false, json = false, unchecked = false;
};

struct Step {
  const Mutator* mutator;
  std::map<std::string, std::string> settings;
};

// "prune-magnitude:sparsity=0.5:scope=global"
Step parse_step(const std::string& words, bool everywhere) {
  const std::vector<std::string> parts = split(words, ':');
  Step step{find_mutator(parts[0]), {}};
  if (parts[0] == "external-data")
    throw UserError(
        "--with external-data: that is no mutator but a way to write the model: --external-data BYTES");
  if (step.mutator == nullptr)
    throw UserError("--with " + parts[0] + ": there is no such mutator; `mobster list mutators` names them");
  if (step.mutator->family == MutatorFamily::kChange || step.mutator->family == MutatorFamily::kNest)
    throw UserError("--with " + parts[0] + ": it is of family " + std::string(name(step.mutator->family)) +
                    "; mutate takes those that prune, cluster, quantize, fuse and rewrite");
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto equals = parts[i].find('=');
    if (equals == std::string::npos || equals == 0)
      throw UserError("--with " + words + ": write settings as NAME:setting=value:setting=value");
    step.settings[parts[i].substr(0, equals)] = parts[i].substr(equals + 1);
  }
  if (everywhere) step.settings.emplace("places", "all");
  return step;
}

// What one step made of the model.
struct Done {
  Derivation step;
  std::size_t nodes;
  std::int64_t bytes;
  std::string broken;  // of its promise
  double compared = 0;
};

// Of a case without facts.
std::string why_not_known(const Case& c) {
  const auto nested = [](const Attribute& a) {
    return std::holds_alternative<GraphPtr>(a.value) ||
           std::holds_alternative<std::vector<GraphPtr>>(a.value);
  };
  if (c.model.graph.nodes.size() > mutators::kMaxNodes)
    return fmt::format("it has more than {} nodes", mutators::kMaxNodes);
  for (const Node& n : c.model.graph.nodes) {
    if (find_op(n.op_type, n.domain) == nullptr)
      return mutators::node_in_words(c, n) + (function_opsets(c.model).contains(n.op_type)
                                                  ? " calls a function of the model: inline-function first"
                                                  : " is an operator that mobster does not know");
    if (std::any_of(n.attributes.begin(), n.attributes.end(), nested))
      return mutators::node_in_words(c, n) + " holds a nested graph";
  }
  return "mobster cannot evaluate it";
}

// Why convert-opset cannot go where it is told to; empty where it can, or where it is another step.
std::string why_not_converted(const Case& c, const mutators::Facts& facts, const Step& step) {
  const auto to = step.settings.find("opset");
  if (step.mutator->name != "convert-opset" || to == step.settings.end()) return "";
  if (to->second == std::to_string(c.model.opset())) return "it is in that opset";
  return mutators::why_not_in_opset(c, facts, std::atoi(to->second.c_str()));
}

// The oldest opset of these, newer than the case's own, in which a step that has no place there has one; 0
// where none is found.
int opset_with_place(const Case& c, const Step& step, std::uint64_t seed) {
  for (const int opset : {11, 13, 23}) {
    if (opset <= c.model.opset()) continue;
    Rng rng(seed, 0);
    Case there = c;
    Choices to(rng, {{"opset", std::to_string(opset)}, {"places", "all"}}), choices(rng, step.settings);
    try {
      if (derive(there, *find_mutator("convert-opset"), to) && derive(there, *step.mutator, choices))
        return opset;
    } catch (const UserError&) {  // an opset that the model cannot be in, a setting that is none there
    }
  }
  return 0;
}

// Why a step has no place in a case.
std::string why_no_place(const Case& c, const std::optional<mutators::Facts>& facts, const Step& step,
                         std::uint64_t seed) {
  const std::string name(step.mutator->name);
  if (!facts) return name + " cannot work on it: " + why_not_known(c);
  if (const std::string why = why_not_converted(c, *facts, step); !why.empty())
    return name + ":opset=" + step.settings.at("opset") + ": " + why;
  if (name == "convert-opset" && !step.settings.contains("opset"))
    return name + " finds no place in it; write " + name + ":opset=NUMBER to hear why";
  if (const int opset = opset_with_place(c, step, seed); opset > 0)
    return fmt::format("{} finds no place in it, which is of opset {}; it does behind convert-opset:opset={}",
                       name, c.model.opset(), opset);
  return name + " finds no place in it; leave it out";
}

Done apply(Case& c, const Step& step, const Words& words, std::size_t index) {
  Rng rng(words.seed, index);
  Choices choices(rng, step.settings);
  const std::string name(step.mutator->name);
  const Case before = c;
  const std::optional<mutators::Facts> facts = mutators::facts_of(before);
  if (facts) choices.set_facts(&*facts);
  std::optional<Derivation> derivation;
  try {
    derivation = derive(c, *step.mutator, choices);
  } catch (const UserError&) {  // a setting that the model does not allow: an opset, perhaps
    if (!facts || why_not_converted(before, *facts, step).empty()) throw;
  }
  if (!derivation) throw UserError(words.model + ": " + why_no_place(before, facts, step, words.seed));
  choices.finish(name);
  Done done{std::move(*derivation), c.model.graph.nodes.size(), weight_bytes(c.model.graph), "", 0};
  if (!words.unchecked)
    done.broken = oracles::broken_promise(*done.step.parent, c, done.step.promise, &done.compared);
  if (name == "inline-function") drop_uncalled_functions(c.model);  // nobody would look for them
  return done;
}

// From so many bytes on, protobuf's limit of 2 GB is near: what came with external data keeps them.
constexpr std::int64_t kLarge = 1'000'000'000;
constexpr std::int64_t kUsual = 1024;  // what the onnx package takes for worth it

// Bytes from which on an initializer of `given` leaves its file when it is written; 0: all data stay.
std::int64_t external_from(const Words& words, const Graph& given) {
  if (words.external > 0) return words.external;
  const bool came = std::any_of(given.initializers.begin(), given.initializers.end(),
                                [&](ValueId v) { return given[v].initializer->external.has_value(); });
  return came && weight_bytes(given) > kLarge ? kUsual : 0;
}

void print_words(const Words& words, const std::vector<Done>& all) {
  const Graph& before = all.front().step.parent->model.graph;
  fmt::print("{}: {} nodes, {} of weights\n", words.model, before.nodes.size(),
             show_bytes(static_cast<double>(weight_bytes(before))));
  for (const Done& d : all) {
    fmt::print("  {} ({}) {}\n    {} nodes, {} of weights; {}\n", d.step.mutator, d.step.kind,
               d.step.settings, d.nodes, show_bytes(static_cast<double>(d.bytes)),
               words.unchecked ? "its promise was not looked at"
               : d.broken.empty()
                   ? fmt::format("keeps its promise in {:.1f} % of all elements, which are all that "
                                 "the reference knows",
                                 100 * d.compared)
                   : "BREAKS ITS PROMISE: " + d.broken);
  }
  fmt::print("{}\n", words.out);
}

void print_json(const Words& words, const std::vector<Done>& all) {
  nlohmann::ordered_json out;
  out["model"] = words.model;
  out["out"] = words.out;
  for (const Done& d : all)
    out["steps"].push_back({{"mutator", d.step.mutator},
                            {"kind", d.step.kind},
                            {"settings", d.step.settings},
                            {"nodes", d.nodes},
                            {"weight_bytes", d.bytes},
                            {"checked", !words.unchecked},
                            {"kept", d.broken.empty()},
                            {"broken", d.broken},
                            {"compared", d.compared}});
  fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

int mutate(const Words& words) {
  std::vector<Step> steps;
  for (const std::string& w : words.with) steps.push_back(parse_step(w, !words.some));
  Case c = load_case(words.model, words.seed);
  unlist_initializers(c);
  const std::int64_t external = external_from(words, c.model.graph);
  std::vector<Done> all;
  for (std::size_t i = 0; i < steps.size(); ++i) all.push_back(apply(c, steps[i], words, i));
  if (const std::string why = check_model(c.model); !why.empty())
    throw UserError(words.model +
                    ": what became of it is not valid ONNX, which is a fault of mobster: " + why);
  save_model(c.model, words.out, external - 1);
  words.json ? print_json(words, all) : print_words(words, all);
  const bool kept = std::all_of(all.begin(), all.end(), [](const Done& d) { return d.broken.empty(); });
  return kept ? kNothingFound : kFindings;
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("MODEL", words->model, "a model, or a folder in ONNX test-data layout")->required();
  app.add_option("--with", words->with,
                 "mutators in their order, with settings where they are not to be drawn: "
                 "prune-magnitude:sparsity=0.5,quantize-static")
      ->required()
      ->delimiter(',');
  app.add_option("-o,--out", words->out, "the model to be written")->required();
  app.add_option("--external-data", words->external,
                 "initializers of at least so many bytes are written to one file beside the model, OUT.data; "
                 "not given: none, but those of 1024 bytes and more of a model that is larger than 1 GB and "
                 "came with such a file")
      ->check(CLI::PositiveNumber)
      ->type_name("BYTES");
  app.add_option("--seed", words->seed,
                 "of what is drawn: settings, and inputs where none lie beside the model")
      ->capture_default_str();
  app.add_flag("--some", words->some, "at some places, drawn, in place of everywhere");
  app.add_flag("--unchecked", words->unchecked, "do not evaluate the model to see whether promises are kept");
  app.add_flag("--json", words->json, "one line of JSON");
  return [words] { return mutate(*words); };
}

}  // namespace

namespace commands {
extern const Command mutate;
const Command mutate = {
    .name = "mutate",
    .set_up = set_up,
    .what = "Prunes, clusters, quantizes, fuses or rewrites a model, and checks what that owes."};
}  // namespace commands

}  // namespace mob::cli
