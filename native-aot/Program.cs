using LowLatency.Server.Cli;

return CommandTree.Run(args);
