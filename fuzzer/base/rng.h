// Every random choice goes through Rng, so that a case is a function of (version, seed, index).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "fuzzer/base/check.h"

namespace mob {

// xoshiro256** seeded by splitmix64 (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
// 2021). We do not use <random>'s distributions: their sequences differ between standard libraries.
class Rng {
 public:
  using result_type = std::uint64_t;

  Rng(std::uint64_t seed, std::uint64_t index) {
    std::uint64_t s = seed * 0x9E3779B97F4A7C15u ^ (index + 0xD1B54A32D192ED03u) * 0xDABA0B6EB09322E3u;
    for (auto& word : state_) {
      s += 0x9E3779B97F4A7C15u;
      std::uint64_t z = s;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
      word = z ^ (z >> 31);
    }
  }

  std::uint64_t next() {
    const auto rotl = [](std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); };
    const std::uint64_t result = rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotl(state_[3], 45);
    return result;
  }
  std::uint64_t operator()() { return next(); }
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }

  // Uniform in [0, n); n > 0.
  std::uint64_t below(std::uint64_t n) {
    MOB_CHECK(n > 0);
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64);
  }
  // Uniform in [lo, hi], both ends included.
  std::int64_t range(std::int64_t lo, std::int64_t hi) {
    MOB_CHECK(lo <= hi);
    const auto width = static_cast<std::uint64_t>(hi) - static_cast<std::uint64_t>(lo);
    if (width == ~std::uint64_t{0}) return static_cast<std::int64_t>(next());
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(lo) + below(width + 1));
  }
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double uniform(double lo, double hi) { return lo + (hi - lo) * unit(); }
  bool chance(double probability) { return unit() < probability; }

  template <class Range>
  const auto& pick(const Range& items) {
    return std::data(items)[below(std::size(items))];
  }
  template <class T>
  T pick(std::initializer_list<T> items) {
    return items.begin()[below(items.size())];
  }

  // Index drawn in proportion to the weights, at least one of which is positive.
  std::size_t weighted(std::span<const double> weights) {
    double total = 0;
    for (double w : weights) total += w;
    double at = unit() * total;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (at < weights[i]) return i;
      at -= weights[i];
    }
    for (std::size_t i = weights.size(); i-- > 0;)
      if (weights[i] > 0) return i;
    MOB_CHECK(false, std::string("no positive weight"));
    return 0;
  }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }
  std::vector<std::int64_t> permutation(std::size_t n) {
    std::vector<std::int64_t> p(n);
    for (std::size_t i = 0; i < n; ++i) p[i] = static_cast<std::int64_t>(i);
    shuffle(p);
    return p;
  }

  // A generator of its own for a part of the work, so that one part's draws do not shift another's.
  Rng fork(std::uint64_t tag) { return Rng(next(), tag); }

 private:
  std::uint64_t state_[4];
};

}  // namespace mob
