using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>What was declared through a connection, in order, to be declared again after a reconnect. The connection's thread only.</summary>
internal sealed class Topology
{
    private readonly List<Request> _declared = [];

    /// <summary>Takes note of a request that the broker has carried out.</summary>
    internal void Note(Request request)
    {
        if (request.Type is not (CommandType.Get or CommandType.CommitTransaction)) // Those are many, and this costs memory.
            NoteDefinition(request);
    }

    private void NoteDefinition(Request request)
    {
        switch (request.Type)
        {
            case CommandType.DeclareQueue or CommandType.DeclareExchange when !request.IsPassive && !request.IsRepeat:
                Forget(request.Type, NameOf(request));
                _declared.Add(request);
                break;
            case CommandType.Bind when !request.IsRepeat:
                _declared.RemoveAll(other => other.Type == CommandType.Bind && other.HasBodyOf(request));
                _declared.Add(request);
                break;
            case CommandType.Unbind:
                _declared.RemoveAll(other => other.Type == CommandType.Bind && other.HasBodyOf(request));
                break;
            case CommandType.DeleteQueue:
                Forget(CommandType.DeclareQueue, request.Name);
                _declared.RemoveAll(other => other.Type == CommandType.Bind && !other.ToExchange && other.Destination == request.Name);
                break;
            case CommandType.DeleteExchange:
                Forget(CommandType.DeclareExchange, request.Name);
                _declared.RemoveAll(other => other.Type == CommandType.Bind
                    && (other.Name == request.Name || (other.ToExchange && other.Destination == request.Name)));
                break;
        }
    }

    /// <summary>A queue that the broker names has another name from now on.</summary>
    internal void Rename(string from, string to)
    {
        foreach (Request request in _declared)
            request.Rename(from, to);
    }

    /// <summary>Adds to <paramref name="requests"/> what declares everything again.</summary>
    internal void Repeat(List<Request> requests)
    {
        foreach (Request request in _declared)
            requests.Add(request.Repeat());
    }

    private void Forget(CommandType type, string name) => _declared.RemoveAll(other => other.Type == type && NameOf(other) == name);

    // Of a queue that the broker named: what it said.
    private static string NameOf(Request request) => request.Name.Length > 0 ? request.Name : request.Result.Name;
}
