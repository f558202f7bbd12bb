#include "oracles/compare.h"

#include <algorithm>
#include <cmath>

#include "fuzzer/base/text.h"

namespace mob::oracles {
namespace {

std::string count_difference(std::size_t expected, std::size_t got) {
  return std::to_string(got) + " outputs for " + std::to_string(expected);
}

double excess_of(double difference, double bound) {
  if (std::isnan(difference) || bound == 0) return kInfinity<double>;
  return difference / bound;
}

}  // namespace

bool out_of_memory(const Outcome& o) {
  return o.message.find("bad_alloc") != std::string::npos ||
         o.message.find("Failed to allocate memory") != std::string::npos ||
         o.message.find("out of memory") != std::string::npos;
}

std::string describe(const Gap& g) {
  return "output '" + g.output + "' element " + std::to_string(g.element) + ": expected " +
         show_number(g.expected) + " +- " + show_number(g.bound) + ", got " + show_number(g.got) + " (" +
         std::to_string(g.outside) + " of " + std::to_string(g.elements) + " elements outside)";
}

namespace {

// Of one output; none where its type differs.
Violations violations_of(const Expected& want, const std::string& name, const Output& got) {
  Violations found;
  if (!got.is_tensor || got.tensor.type() != want.type) return found;
  Gap worst;
  worst.output = name;
  worst.elements = want.count();
  if (const auto* strings = std::get_if<Strings>(&want.data)) {
    for (std::size_t i = 0; i < strings->size(); ++i)
      if ((*strings)[i] != got.tensor.strings()[i]) {
        worst.element = i;
        worst.excess = kInfinity<double>;
        ++worst.outside;
        found.only_special = false;
      }
  } else {
    for (std::size_t i = 0; i < want.count(); ++i) {
      const double v = want.value_at(i), g = got.tensor.real_at(static_cast<std::int64_t>(i));
      if (v == g || (std::isnan(v) && std::isnan(g)) || want.open_at(i)) continue;
      // A double's value was known more exactly than the double that it is compared as.
      const double read = want.type.dtype == DType::kDouble ? 0x1p-53 * std::fabs(v) : 0;
      const double bound = want.bound_at(i) + read, difference = std::fabs(g - v);
      if (difference <= bound) continue;
      // 64-bit integers beyond 2^53 are compared as such.
      if (want.holds_ints() && want.ints().v[i] == got.tensor.int_at(static_cast<std::int64_t>(i))) continue;
      const double excess = excess_of(difference, bound);
      if (worst.outside == 0 || excess > worst.excess ||
          (excess == worst.excess && difference > std::fabs(worst.got - worst.expected))) {
        worst.element = i;
        worst.expected = v;
        worst.bound = bound;
        worst.got = g;
        worst.excess = excess;
      }
      ++worst.outside;
      if (std::isfinite(v) && std::isfinite(g)) found.only_special = false;
    }
  }
  found.worst = worst;
  found.outside = worst.outside;
  return found;
}

}  // namespace

std::string structure_difference(const std::vector<Expected>& expected, const Graph& graph,
                                 const std::vector<Output>& got) {
  if (expected.size() != got.size()) return count_difference(expected.size(), got.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const std::string& name = graph[graph.outputs[i]].name;
    if (got[i].name != name) return "output '" + got[i].name + "' for '" + name + "'";
    if (!got[i].is_tensor)
      return "output '" + name + "' is missing or no tensor, expected " + show(expected[i].type);
    if (got[i].tensor.type() != expected[i].type)
      return "output '" + name + "' is " + show(got[i].tensor.type()) + ", expected " +
             show(expected[i].type);
  }
  return "";
}

std::string structure_difference(const std::vector<Output>& expected, const std::vector<Output>& got) {
  if (expected.size() != got.size()) return count_difference(expected.size(), got.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i].name != expected[i].name) return "output '" + got[i].name + "' for '" + expected[i].name + "'";
    if (got[i].is_tensor != expected[i].is_tensor)
      return "output '" + got[i].name + "' is " + (got[i].is_tensor ? "a tensor" : "missing") +
             ", without optimization it is not";
    if (got[i].is_tensor && got[i].tensor.type() != expected[i].tensor.type())
      return "output '" + got[i].name + "' is " + show(got[i].tensor.type()) + ", without optimization " +
             show(expected[i].tensor.type());
  }
  return "";
}

Violations violations(const std::vector<Expected>& expected, const Graph& graph,
                      const std::vector<Output>& got) {
  Violations found;
  for (std::size_t o = 0; o < std::min(expected.size(), got.size()); ++o) {
    const Violations one = violations_of(expected[o], graph[graph.outputs[o]].name, got[o]);
    if (!one.any()) continue;
    if (found.outside == 0 || one.worst.excess > found.worst.excess) found.worst = one.worst;
    found.outside += one.outside;
    found.only_special = found.only_special && one.only_special;
  }
  return found;
}

namespace {

enum class Meaning { kOther, kSame, kSameButCoarser };

// Whether the optimized graph means what the original means, in every output that came out wrong; and then,
// whether every wrong number is one that its own operators allow for.
Meaning meaning_of_wrong_outputs(const Evidence& evidence, const Reference& optimized,
                                 const std::vector<Output>& got) {
  const std::vector<Expected>& meant = evidence.reference.outputs;
  if (optimized.outputs.size() != meant.size()) return Meaning::kOther;
  bool kernel = false;
  for (std::size_t o = 0; o < meant.size(); ++o) {
    const Expected &a = meant[o], &b = optimized.outputs[o];
    if (!violations_of(a, got[o].name, got[o]).any()) continue;
    if (a.type != b.type || a.holds_reals() != b.holds_reals()) return Meaning::kOther;
    if (const auto* strings = std::get_if<Strings>(&a.data)) {
      if (*strings != std::get<Strings>(b.data)) return Meaning::kOther;
      kernel = true;
      continue;
    }
    bool open = false, exact = false;
    for (std::size_t i = 0; i < a.count(); ++i) {
      const double x = a.value_at(i), y = b.value_at(i);
      exact = exact || (a.bound_at(i) == 0 && got[o].tensor.real_at(static_cast<std::int64_t>(i)) != x);
      if (a.open_at(i)) continue;
      if (b.open_at(i))
        open = true;
      else if (x != y && !(std::isnan(x) && std::isnan(y)) && !(std::fabs(x - y) <= a.bound_at(i)))
        return Meaning::kOther;
    }
    const bool outside = violations_of(b, got[o].name, got[o]).any();
    // Nobody knows; and what is exact (integers, dequantized ones) is so, however far from it kernels of the
    // optimized operators may be.
    if (!outside && (open || exact)) return Meaning::kOther;
    kernel = kernel || outside;
  }
  return kernel ? Meaning::kSame : Meaning::kSameButCoarser;
}

}  // namespace

FindingClass classify_numbers(const Evidence& evidence, std::size_t configuration, const Violations& found) {
  const Graph& graph = evidence.c.model.graph;
  const std::vector<Output>& got = evidence.outputs(configuration);
  // Wrong without optimization too: not the optimizer's doing.
  if (violations(evidence.reference.outputs, graph, evidence.outputs(0)).any()) return FindingClass::kKernel;
  if (found.only_special && (evidence.reference.special || evidence.reference.negative_zero))
    return FindingClass::kSpecialValues;
  const auto explained_by = [&](const Arithmetic& weaker) {
    const Reference& r = evidence.relaxed(weaker);
    if (!r.available()) return false;
    // What infinities and NaN do is a class of its own: they do not make a limit less of an explanation.
    const Violations left = violations(r.outputs, graph, got);
    return !left.any() || (left.only_special && (r.special || r.negative_zero));
  };
  if (explained_by({.double_as_float = true})) return FindingClass::kPrecision;
  if (explained_by({.quantized_activations = true})) return FindingClass::kPrecision;
  if (explained_by({.reordered_sums = true, .skipped_half_casts = true})) return FindingClass::kPrecision;
  if (explained_by({.reordered_sums = true, .flushed_subnormals = true})) return FindingClass::kSpecialValues;
  if (explained_by({.saturating_u8s8 = true}) || explained_by({.quantized_weights = true}) ||
      explained_by({.skipped_requantization = true}) ||
      explained_by({.saturating_u8s8 = true,
                    .quantized_activations = true,
                    .quantized_weights = true,
                    .skipped_requantization = true}))
    return FindingClass::kKnownLimit;
  if (const Reference* optimized =
          evidence.optimized_reference ? evidence.optimized_reference(configuration) : nullptr) {
    switch (meaning_of_wrong_outputs(evidence, *optimized, got)) {
      case Meaning::kOther:
        break;
      case Meaning::kSame:  // and what came is not what it means: a kernel calculated it wrongly
        return FindingClass::kKernel;
      case Meaning::kSameButCoarser:
        return FindingClass::kPrecision;
    }
  }
  return FindingClass::kBug;
}

}  // namespace mob::oracles
