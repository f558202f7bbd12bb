// mobster corpus export and import: a corpus in one file, and plain models.
#include <fmt/format.h>

#include "corpus/archive.h"
#include "corpus/import_models.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/executor.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/cli/corpus_commands.h"
#include "fuzzer/cli/versions.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::string corpus, path;
  std::string system = "onnxruntime", versions = "all";
  int jobs = 0;
  AddOptions options;
};

int import_packed(const Words& words) {
  const Imported imported = import_archive(words.corpus, words.path);
  for (const std::string& name : imported.taken) fmt::print("added     {}\n", name);
  fmt::print("{} added, {} were there already\n", imported.taken.size(), imported.there.size());
  return kNothingFound;
}

int import_plain(const Words& words) {
  const std::vector<ModelToImport> models = models_to_import({words.path});
  AddOptions options = words.options;
  options.versions = asked_versions(words.system, words.versions);
  options.executor = tbb_executor(words.jobs);
  std::size_t left_out = 0;
  for (const Added& a : import_models(words.corpus, models, options)) {
    fmt::print("{} {}\n          {}\n", a.left_out.empty() ? "added    " : "left out ",
               a.finding.filename().string(), a.left_out.empty() ? a.name : a.left_out);
    left_out += a.left_out.empty() ? 0 : 1;
  }
  fmt::print("{} added, {} left out\n", models.size() - left_out, left_out);
  return kNothingFound;
}

}  // namespace

std::function<int()> set_up_corpus_import(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CORPUS", words->corpus, "folder of regression cases, made where it is not there")
      ->required();
  app.add_option("FILE_OR_DIR", words->path,
                 "a packed corpus (tar.gz), or a folder of models in ONNX test-data layout")
      ->required();
  app.add_option("--versions", words->versions,
                 "to judge plain models in: all installed ones, or 1.20.1,1.31.1")
      ->capture_default_str();
  app.add_option("--from", words->options.from, "where plain models come from; their names are added");
  app.add_option("--reference", words->options.reference,
                 "where upstream knows of plain models (default: as their case.json says)");
  app.add_option("--note", words->options.note, "a remark (default: the title in case.json)");
  app.add_flag("--all", words->options.all, "also plain models of a signature that is there");
  app.add_option("--jobs", words->jobs, "cores to use (default: all)")->check(CLI::Range(1, 1024));
  return [words] {
    if (!fs::exists(words->path)) throw UserError(words->path + ": no such file or folder");
    return fs::is_directory(words->path) ? import_plain(*words) : import_packed(*words);
  };
}

std::function<int()> set_up_corpus_export(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CORPUS", words->corpus, "folder of regression cases")->required();
  app.add_option("FILE", words->path, "the file to be written, such as corpus.tar.gz")->required();
  return [words] {
    const std::size_t cases = export_corpus(words->corpus, words->path);
    fmt::print("{} cases in {}\n", cases, words->path);
    return kNothingFound;
  };
}

}  // namespace mob::cli
