// One process that answers and works the job queue, as a small shop runs it.
const { bootstrap, JobQueueService } = require("@vendure/core");
const { config } = require("./config.cjs");

bootstrap(config).then(
  (app) => app.get(JobQueueService).start(),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
