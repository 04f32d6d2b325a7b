using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary>Errors of the client as lines for the user, with exit codes.</summary>
internal static class ClientErrors
{
    /// <summary>Connects, or says why not.</summary>
    internal static Connection Connect(string address, ConnectionOptions options)
    {
        try
        {
            return Connection.Connect(address, options);
        }
        catch (LowLatencyException error) when (error.Code is ErrorCode.NotConnected or ErrorCode.Timeout)
        {
            throw new CliException(ExitCode.Unreachable, error.Message, error);
        }
        catch (LowLatencyException error)
        {
            throw Refused(error);
        }
    }

    /// <summary>The broker said no.</summary>
    internal static CliException Refused(LowLatencyException error)
        => new(ExitCode.Refused, $"{error.Message} (error {(int)error.Code}, {error.Code})", error);

    /// <summary>Declares a durable queue unless one of that name is there, whatever its properties.</summary>
    /// <param name="connection">Ready.</param>
    /// <param name="queue">Its name.</param>
    /// <param name="maxLength">Most messages; where it is not 0 the properties must fit.</param>
    internal static void DeclareQueue(Connection connection, string queue, long maxLength)
    {
        try
        {
            if (maxLength == 0 && Exists(connection, queue))
                return;
            connection.DeclareQueue(queue, new QueueOptions { Durable = true, MaxLength = maxLength == 0 ? null : maxLength });
        }
        catch (LowLatencyException error)
        {
            throw Refused(error);
        }
    }

    /// <summary>Declares a durable exchange, or fails when there is none of that name.</summary>
    /// <param name="connection">Ready.</param>
    /// <param name="exchange">Its name.</param>
    /// <param name="kind">How it routes; <c>null</c> to declare nothing.</param>
    internal static void DeclareExchange(Connection connection, string exchange, ExchangeType? kind)
    {
        try
        {
            connection.DeclareExchange(exchange, kind is { } type ? new ExchangeOptions { Type = type } : new ExchangeOptions { Passive = true });
        }
        catch (LowLatencyException error)
        {
            throw Refused(error);
        }
    }

    /// <summary>Fails when there is no queue of that name.</summary>
    internal static void RequireQueue(Connection connection, string queue)
    {
        try
        {
            connection.DeclareQueue(queue, new QueueOptions { Passive = true });
        }
        catch (LowLatencyException error)
        {
            throw Refused(error);
        }
    }

    private static bool Exists(Connection connection, string queue)
    {
        try
        {
            connection.DeclareQueue(queue, new QueueOptions { Passive = true });
            return true;
        }
        catch (LowLatencyException error) when (error.Code == ErrorCode.NotFound)
        {
            return false;
        }
    }
}
