namespace LowLatency.Client;

/// <summary>What was declared through a connection, in order, to be declared again after a reconnect. The connection's thread only.</summary>
internal sealed class Topology
{
    private readonly List<Request> _declared = [];

    /// <summary>Takes note of a request that the broker has carried out.</summary>
    internal void Note(Request request)
    {
        switch (request.Kind)
        {
            case RequestKind.DeclareQueue when (request.QueueFlags & Core.Engine.QueueFlags.Passive) == 0:
            case RequestKind.DeclareExchange:
                Forget(request.Kind, request.Name);
                _declared.Add(request);
                break;
            case RequestKind.Bind:
                ForgetBinding(request);
                _declared.Add(request);
                break;
            case RequestKind.Unbind:
                ForgetBinding(request);
                break;
            case RequestKind.DeleteQueue:
                Forget(RequestKind.DeclareQueue, request.Name);
                _declared.RemoveAll(other => other.Kind == RequestKind.Bind && Same(other.Queue, request.Name));
                break;
            case RequestKind.DeleteExchange:
                Forget(RequestKind.DeclareExchange, request.Name);
                _declared.RemoveAll(other => other.Kind == RequestKind.Bind && Same(other.Name, request.Name));
                break;
        }
    }

    /// <summary>Adds to <paramref name="requests"/> what declares everything again.</summary>
    internal void Repeat(List<Request> requests)
    {
        foreach (Request request in _declared)
            requests.Add(request.Repeat());
    }

    private void Forget(RequestKind kind, byte[] name) => _declared.RemoveAll(other => other.Kind == kind && Same(other.Name, name));

    private void ForgetBinding(Request binding) => _declared.RemoveAll(other =>
        other.Kind == RequestKind.Bind && Same(other.Name, binding.Name) && Same(other.Queue, binding.Queue) && Same(other.Key, binding.Key));

    private static bool Same(byte[] one, byte[] other) => one.AsSpan().SequenceEqual(other);
}
