// What a mutator decides, one setting after another: as the user says, else drawn.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzzer/base/rng.h"
#include "fuzzer/graph/dtype.h"

namespace mob {
namespace mutators {
class Facts;
}

class Choices {
 public:
  // `given` are the user's, by name. Everything is drawn that is not among them.
  explicit Choices(Rng& rng, std::map<std::string, std::string> given = {})
      : rng_(&rng), given_(std::move(given)) {}

  Rng& rng() { return *rng_; }

  // Facts of the case that the mutator gets a copy of, for a caller that tries many mutators on one case: to
  // find them out is most of the work of a mutator that has no place there. Null: it does so itself.
  void set_facts(const mutators::Facts* facts) { facts_ = facts; }
  const mutators::Facts* facts() const { return facts_; }

  // One of the words; a real number of a range; a whole number of a range, both ends included; yes or no.
  // Each is written down (`settings`). They throw UserError naming the setting where the user's is none of
  // these.
  std::string word(const std::string& name, std::initializer_list<std::string_view> words);
  double real(const std::string& name, double low, double high);
  std::int64_t whole(const std::string& name, std::int64_t low, std::int64_t high);
  bool yes(const std::string& name, double chance = 0.5);
  // A type, by its ONNX name in lower case ("int8"); the user may write any of the list.
  DType type(const std::string& name, std::initializer_list<DType> types);

  // The places of a model where the mutator works: all of them where `everywhere`, else one or more, drawn,
  // in their order.
  template <class T>
  std::vector<T> places(std::vector<T> all) {
    if (everywhere() || all.size() < 2) return all;
    if (rng_->chance(0.5)) return {rng_->pick(all)};
    std::vector<T> some;
    for (T& place : all)
      if (rng_->chance(0.5)) some.push_back(std::move(place));
    if (some.empty()) some.push_back(rng_->pick(all));
    return some;
  }
  // places=all or places=some; the command line says all.
  bool everywhere() { return word("places", {"some", "all"}) == "all"; }

  // "sparsity=0.5 scope=global", in the order of their first use.
  std::string settings() const;
  // Throws UserError where the user gave a setting that the mutator never asked for ("places" aside, which is
  // said to all).
  void finish(std::string_view mutator) const;

  // A fault planted in the mutator's own arithmetic, so that a test may see whether its promise catches it:
  // another number, or another index below `count`. Without a fault they are what they were.
  void plant_fault() { faulty_ = true; }
  double bent(double x) const { return faulty_ ? x * 1.5 + 0.125 : x; }
  std::int64_t bent_index(std::int64_t i, std::int64_t count) const { return faulty_ ? (i + 1) % count : i; }
  bool faulty() const { return faulty_; }

 private:
  // The user's words, or null.
  const std::string* asked(const std::string& name);
  void note(const std::string& name, std::string value);

  Rng* rng_;
  const mutators::Facts* facts_ = nullptr;
  std::map<std::string, std::string> given_;
  std::vector<std::pair<std::string, std::string>> made_;
  bool faulty_ = false;
};

}  // namespace mob
