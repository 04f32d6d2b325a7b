using LowLatency.Client;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary>One request to a broker, and a line that says what came of it.</summary>
internal static class DefinitionRun
{
    /// <param name="address">Of the broker.</param>
    /// <param name="virtualHost"><c>null</c> for that of the address.</param>
    /// <param name="request">Does it; gives the line.</param>
    /// <returns>Exit code.</returns>
    internal static int Run(string address, string? virtualHost, Func<Connection, string> request)
    {
        using Connection connection = ClientErrors.Connect(address, new ConnectionOptions
        {
            Mode = ConnectionMode.Polled, ClientName = "lowlatency", VirtualHost = virtualHost, Reconnect = false,
        });
        try
        {
            Terminal.Error.Line(request(connection));
            return ExitCode.Done;
        }
        catch (LowLatencyException error)
        {
            throw ClientErrors.Refused(error);
        }
    }
}
