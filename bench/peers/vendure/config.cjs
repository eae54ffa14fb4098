// Vendure as for a sale: production, quiet, jobs in the database, a pool of its own; nothing that would slow it down.
const { DefaultJobQueuePlugin, DefaultLogger, dummyPaymentHandler, LogLevel } = require("@vendure/core");

const database = new URL(process.env.DATABASE_URL);

exports.config = {
  apiOptions: {
    hostname: "127.0.0.1",
    port: Number(process.env.PORT),
    adminApiPath: "admin-api",
    shopApiPath: "shop-api",
    introspection: false,
  },
  authOptions: {
    tokenMethod: ["bearer"],
    superadminCredentials: { identifier: "superadmin", password: "only-for-the-bench" },
  },
  dbConnectionOptions: {
    type: "postgres",
    host: database.hostname,
    port: Number(database.port),
    username: decodeURIComponent(database.username),
    password: decodeURIComponent(database.password),
    database: database.pathname.slice(1),
    synchronize: process.env.MAKE_TABLES === "1",
    logging: false,
    poolSize: Number(process.env.POOL),
  },
  logger: new DefaultLogger({ level: LogLevel.Error }),
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  plugins: [DefaultJobQueuePlugin.init({ pollInterval: 1000 })],
};
