// Plants a small campaign in a folder that is not there yet and writes its report, for a browser to open.
//
//   mobster-planted-report DIR
#include <cstdio>

#include "fuzzer/report/html.h"
#include "tests/fakes/planted_campaign.h"

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const std::filesystem::path folder = argv[1];
  const mob::PlantedCampaign planted(folder);
  mob::write_file_whole(folder / "report.html",
                        mob::html_report(mob::read_report({folder}, folder / "known_bugs.jsonl"), {}));
  std::printf("%s\n", (folder / "report.html").c_str());
  return 0;
}
