// A regression corpus in one file, to be handed around.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mob {

// Packs the cases of a corpus as tar.gz, whole or not at all; equal corpora make equal files. Throws
// UserError. Returns how many they are.
std::size_t export_corpus(const std::filesystem::path& corpus, const std::filesystem::path& file);

// What became of the cases of a packed corpus.
struct Imported {
  std::vector<std::string> taken;  // names
  std::vector<std::string> there;  // byte for byte the same
};

// Takes in the cases of a packed corpus, all or none. Nothing is trusted: anything but plain files within
// folders of cases (links, absolute paths, "..", too much) is refused, and so is a case that cannot be read
// or has the name of another one that is there. Throws UserError naming the entry.
Imported import_archive(const std::filesystem::path& corpus, const std::filesystem::path& file);

}  // namespace mob
